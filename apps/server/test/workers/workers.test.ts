import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  configFileFor,
  freePort,
  isAlive,
  PROCESS_PATIENCE as PATIENCE,
  ServerProgram,
} from '../support/server-program.ts';

/** The process ids of workers that have come up so far. */
const pidsOf = (program: ServerProgram | undefined): readonly number[] =>
  [...(program?.output ?? '').matchAll(/"pid":(\d+),"message":"worker listens"/g)].map(([, pid]) =>
    Number(pid),
  );

describe('querator server --workers', { timeout: 90_000 }, () => {
  let database: TestDatabase;
  let folder: string;
  let program: ServerProgram | undefined;
  let url: string;

  beforeEach(async () => {
    database = await createTestDatabase();
    folder = await mkdtemp(join(tmpdir(), 'querator-workers-'));
  });
  afterEach(async () => {
    const pids = pidsOf(program);
    program?.child.kill('SIGKILL');
    await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), PATIENCE);
    program = undefined;
    await rm(folder, { recursive: true });
    await database.drop();
  });

  async function start(workers: number): Promise<ServerProgram> {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const config = join(folder, 'config.yaml');
    await writeFile(config, configFileFor(database.connectionString, { port }));
    program = new ServerProgram(['--config', config, '--workers', String(workers)]);
    await program.untilLogged('worker listens', workers);
    return program;
  }

  /** A request on a connection of its own; those to a process that has just died are sent again, as clients do. */
  async function post(path: string, body: object): Promise<{ status: number; json: Record<string, never> }> {
    for (;;) {
      try {
        const headers = { 'Content-Type': 'application/json', Connection: 'close' };
        const reply = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
        return { status: reply.status, json: (await reply.json()) as Record<string, never> };
      } catch {
        // The connection was lost.
      }
    }
  }
  const create = () =>
    post('/v1/queues.create', {
      ...{ queue_name: 'q', lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1 },
    });

  test('share one port, and metrics are those of all', async () => {
    const pids = pidsOf(await start(2));
    expect(new Set(pids).size).toBe(2);
    await create();
    for (let n = 0; n < 20; n++) {
      const body = { queue_name: 'q', request_timeout: '5s', items: [{ utf8: `${n}` }] };
      expect((await post('/v1/queue.produce', body)).status).toBe(200);
    }
    const text = await (await fetch(`${url}/metrics`)).text();
    const produced = [
      ...text.matchAll(/^querator_items_total\{.*event="produced".*worker="(\d)"\} (\d+)$/gm),
    ];
    expect(produced.map(([, worker]) => worker).sort()).toEqual(['1', '2']);
    expect(produced.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(20);
    expect(text.match(/^# TYPE querator_items_total counter$/gm)).toHaveLength(1);
  });

  test('one that is killed under load is replaced, and nothing acknowledged is lost', async () => {
    const pids = pidsOf(await start(2));
    await create();
    const acknowledged: string[] = [];
    let running = true;
    const produce = async (name: string) => {
      for (let n = 0; running; n++) {
        const text = `${name}-${n}`;
        const body = { queue_name: 'q', request_timeout: '5s', items: [{ utf8: text }] };
        if ((await post('/v1/queue.produce', body)).status === 200) acknowledged.push(text);
      }
    };
    const producers = ['a', 'b', 'c', 'd'].map(produce);
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(50), PATIENCE);
    process.kill(pids[0] ?? 0, 'SIGKILL');
    await program?.untilLogged('worker listens', 3);
    const before = acknowledged.length;
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 50), PATIENCE);
    running = false;
    await Promise.all(producers);
    const stored = new Set<string>();
    for (;;) {
      const body = { queue_name: 'q', batch_size: 1_000, request_timeout: '500ms', client_id: 'c' };
      const { status, json } = await post('/v1/queue.lease', body);
      if (status !== 200) break;
      for (const { bytes } of json['items'] as unknown as { bytes: string }[]) {
        stored.add(Buffer.from(bytes, 'base64').toString());
      }
    }
    expect(acknowledged.filter((text) => !stored.has(text))).toEqual([]);
  });

  test('SIGTERM lets all of them drain: who waits is answered, and the program ends well', async () => {
    const running = await start(2);
    await create();
    const waiting = [1, 2, 3, 4].map((n) =>
      post('/v1/queue.lease', { queue_name: 'q', batch_size: 1, request_timeout: '1m', client_id: `c${n}` }),
    );
    await vi.waitFor(async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const counts = [...text.matchAll(/^querator_requests_waiting\{.*operation="lease".*\} (\d+)$/gm)];
      expect(counts.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(4);
    }, PATIENCE);
    running.child.kill('SIGTERM');
    for (const { status } of await Promise.all(waiting)) expect(status).toBe(453);
    expect(await running.ended()).toBe(0);
    expect(pidsOf(running).filter(isAlive)).toEqual([]);
  });

  test('they end with their parent', async () => {
    const running = await start(2);
    running.child.kill('SIGKILL');
    await vi.waitFor(() => expect(pidsOf(running).filter(isAlive)).toEqual([]), PATIENCE);
  });

  test('an address that is taken is one clear error', async () => {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const config = join(folder, 'config.yaml');
    const storage = { driver: 'postgres', config: { 'connection-string': database.connectionString } };
    await writeFile(
      config,
      JSON.stringify({ 'queue-storage': storage, 'partition-storage': [{ name: 'pg', ...storage }] }),
    );
    program = new ServerProgram(['--config', config, '--address', `127.0.0.1:${port}`, '--workers', '2']);
    expect(await program.ended()).toBe(1);
    expect(program.output.match(/the address is already in use/g)).toHaveLength(1);
    server.close();
  });

  test.each([
    [
      ['--workers', '2'],
      "several workers need storages that processes can share; 'queue-storage' has driver 'memory'",
    ],
    [['--workers', '0'], "invalid number of workers '0'; expected a whole number from 1 to 256"],
    [['--workers', 'two'], "invalid number of workers 'two'; expected a whole number from 1 to 256"],
  ])('%j is refused', async (args, reason) => {
    program = new ServerProgram(args);
    expect(await program.ended()).not.toBe(0);
    expect(program.output).toContain(reason);
  });
});
