import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { freePort, isAlive, serverConfig } from '@querator/tooling-processes';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PROCESS_PATIENCE as PATIENCE, ServerProgram } from '../support/server-program.ts';
import { keptConnection, type Post, type Reply } from './support/kept-connection.ts';

/** The process ids of the workers that have started so far. */
const pidsOf = (program: ServerProgram | undefined): readonly number[] =>
  [...(program?.output ?? '').matchAll(/"pid":(\d+),"message":"worker listens"/g)].map(([, pid]) =>
    Number(pid),
  );

describe('querator server --workers', { timeout: 120_000 }, () => {
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
    await writeFile(config, serverConfig({ storage: database.connectionString, port, maxConns: 4 }));
    program = new ServerProgram(['--config', config, '--workers', String(workers)]);
    await (workers === 1
      ? program.untilLogged('HTTP server started')
      : program.untilLogged('worker listens', workers));
    return program;
  }

  /** A request on a new connection. Like a client, repeats a request to a process that has just died. */
  async function post(path: string, body: object): Promise<Reply> {
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
  /** The sum of a metric over the lines with these labels, by worker. */
  async function metric(name: string, ...labels: string[]): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`${url}/metrics`)).text();
    const sums = new Map<string, number>();
    for (const line of text.split('\n').filter((each) => each.startsWith(`${name}{`))) {
      if (!labels.every((label) => line.includes(label))) continue;
      const [, worker = '', count] = /worker="(\d+)".* (\d+)$/.exec(line) ?? [];
      sums.set(worker, (sums.get(worker) ?? 0) + Number(count));
    }
    return sums;
  }

  /** The worker of the connection: the one that counts one more item. */
  async function workerOf(ask: Post, queue_name: string): Promise<string> {
    const produced = () => metric('querator_items_total', 'event="produced"', `queue="${queue_name}"`);
    const before = await produced();
    const { status } = await ask('/v1/queue.produce', {
      ...{ queue_name, request_timeout: '5s', items: [{ utf8: 'who are you' }] },
    });
    expect(status).toBe(200);
    const after = await produced();
    const [worker] = [...after].find(([name, count]) => count > (before.get(name) ?? 0)) ?? [];
    if (worker === undefined) throw new Error(`no worker counts the item: ${JSON.stringify([...after])}`);
    return worker;
  }

  /** Two connections to two workers. The kernel chooses the worker, so this takes some attempts. */
  async function atTwoWorkers(): Promise<readonly [Post, Post]> {
    await post('/v1/queues.create', {
      ...{ queue_name: 'probe', lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1 },
    });
    const first = keptConnection(url);
    const worker = await workerOf(first, 'probe');
    return vi.waitFor(async () => {
      const second = keptConnection(url);
      expect(await workerOf(second, 'probe')).not.toBe(worker);
      return [first, second] as const;
    }, PATIENCE);
  }

  /** The texts of all items, waiting and leased. */
  async function stored(queue_name: string): Promise<readonly string[]> {
    const { json } = await post('/v1/storage/items.list', { queue_name, partition: 0, limit: 10_000 });
    const items = (json['items'] ?? []) as unknown as { payload: string }[];
    return items.map(({ payload }) => Buffer.from(payload, 'base64').toString());
  }

  const create = () =>
    post('/v1/queues.create', {
      ...{ queue_name: 'q', lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1 },
    });

  test('share one port, and metrics add up those of all', async () => {
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

  test('wake a waiting consumer at one worker when another one gets an item', async () => {
    await start(2);
    await create();
    const [here, there] = await atTwoWorkers();
    // By a change notification: workers also poll every 7 s, which may serve one of these by chance, and not two.
    for (const text of ['first', 'second']) {
      const waiting = here('/v1/queue.lease', {
        ...{ queue_name: 'q', batch_size: 1, request_timeout: '5s', client_id: 'c' },
      });
      await vi.waitFor(async () => {
        const counts = await metric('querator_requests_waiting', 'operation="lease"');
        expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(1);
      }, PATIENCE);
      const body = { queue_name: 'q', request_timeout: '5s', items: [{ utf8: text }] };
      expect((await there('/v1/queue.produce', body)).status).toBe(200);
      const { status, json } = await waiting;
      expect(status).toBe(200);
      const [item] = json['items'] as unknown as { bytes: string }[];
      expect(Buffer.from(item?.bytes ?? '', 'base64').toString()).toBe(text);
    }
  });

  test('stop on SIGTERM during produces and completes: acknowledged changes exist, once', async () => {
    const running = await start(2);
    await create();
    const acknowledged = new Set<string>();
    const completed = new Set<string>();
    const perhaps = new Set<string>();
    const doubles: string[] = [];
    let stopping = false;
    /** Sends requests until one is refused because of the shutdown. Later ones may get no reply. */
    const until453 = async (ask: (n: number) => Promise<number>) => {
      for (let n = 0, status = 0; status !== 453; n++) {
        const late = stopping;
        status = await ask(n).catch((error) => {
          if (late) return 453;
          throw error;
        });
      }
    };
    const produce = (name: string, ask: Post) =>
      until453(async (n) => {
        const text = `${name}-${n}`;
        const body = { queue_name: 'q', request_timeout: '5s', items: [{ utf8: text }] };
        perhaps.add(text);
        const { status } = await ask('/v1/queue.produce', body);
        perhaps.delete(text);
        if (status === 200) acknowledged.add(text);
        return status;
      });
    const consume = (client_id: string, ask: Post) =>
      until453(async () => {
        const lease = { queue_name: 'q', batch_size: 5, request_timeout: '5s', client_id };
        const { status, json } = await ask('/v1/queue.lease', lease);
        if (status !== 200) return status;
        const items = json['items'] as unknown as { id: string; bytes: string }[];
        const ids = items.map(({ id }) => id);
        const reply = await ask('/v1/queue.complete', { queue_name: 'q', request_timeout: '5s', ids });
        for (const { bytes } of reply.status === 200 ? items : []) {
          const text = Buffer.from(bytes, 'base64').toString();
          if (completed.has(text)) doubles.push(text);
          completed.add(text);
        }
        return reply.status;
      });
    const [here, there] = await atTwoWorkers();
    const clients = [
      ...['a', 'b'].map((name, n) => produce(name, [here, there][n] as Post)),
      ...['c', 'd', 'e', 'f'].map((name) => produce(name, keptConnection(url))),
      ...['v', 'w', 'x'].map((name) => consume(name, keptConnection(url))),
    ];
    await vi.waitFor(() => expect(completed.size).toBeGreaterThan(50), PATIENCE);
    stopping = true;
    running.child.kill('SIGTERM');
    await Promise.all(clients);
    expect(await running.ended()).toBe(0);
    expect(running.output).not.toContain('"level":"error"');
    await start(1);
    const left = await stored('q');
    expect(doubles).toEqual([]);
    expect(left.filter((text) => completed.has(text))).toEqual([]);
    expect(left).toHaveLength(new Set(left).size);
    const kept = [...left, ...completed].filter((text) => !perhaps.has(text));
    expect(kept.sort()).toEqual([...acknowledged].sort());
  });

  test('are replaced when one is killed under load, without losing or duplicating an acknowledged item', async () => {
    const pids = pidsOf(await start(2));
    await create();
    const acknowledged: string[] = [];
    let running = true;
    /** Requests without a reply: it is unknown whether the item is stored. */
    const cut: string[] = [];
    const produce = async (name: string) => {
      let ask = keptConnection(url);
      for (let n = 0; running; n++) {
        const text = `${name}-${n}`;
        const body = { queue_name: 'q', request_timeout: '5s', items: [{ utf8: text }] };
        try {
          if ((await ask('/v1/queue.produce', body)).status === 200) acknowledged.push(text);
        } catch {
          cut.push(text);
          ask = keptConnection(url);
        }
      }
    };
    const producers = Array.from({ length: 8 }, (_, n) => produce(`p${n}`));
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(50), PATIENCE);
    process.kill(pids[0] ?? 0, 'SIGKILL');
    await program?.untilLogged('worker listens', 3);
    const before = acknowledged.length;
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 50), PATIENCE);
    running = false;
    await Promise.all(producers);
    const left = await stored('q');
    expect(acknowledged.filter((text) => !left.includes(text))).toEqual([]);
    expect(left).toHaveLength(new Set(left).size);
    const known = new Set([...acknowledged, ...cut]);
    expect(left.filter((text) => !known.has(text))).toEqual([]);
    // Clients of the other worker are not affected: each connection of the dead worker breaks once.
    expect(cut.length).toBeGreaterThan(0);
    expect(cut.length).toBeLessThanOrEqual(producers.length);
  });

  test('drain on SIGTERM: waiting requests get a reply, and the program exits with 0', async () => {
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
    expect(running.output).not.toContain('"level":"error"');
    expect(pidsOf(running).filter(isAlive)).toEqual([]);
  });

  test('end with their parent', async () => {
    const running = await start(2);
    running.child.kill('SIGKILL');
    await vi.waitFor(() => expect(pidsOf(running).filter(isAlive)).toEqual([]), PATIENCE);
  });

  test('report an address in use as one clear error', async () => {
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
