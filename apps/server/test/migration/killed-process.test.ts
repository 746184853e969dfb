import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Client, createClient, ensureQueue } from '@querator/client';
import { programEnvironment, runProgram, ServerProcess, SOURCE_FLAGS } from '@querator/tooling-processes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const ITEMS = 8_000;
/** The program is killed each time that one of these numbers of items has arrived, and is started again. */
const KILLED_AT = [1, 2_001, 5_001];
const PAGE = 1_000;
const LOOK_MS = 1;

/** Programs that are killed with SIGKILL, in processes of their own, between two servers. */
describe('an operator starts it again after SIGKILL', { timeout: 300_000 }, () => {
  let folder = '';
  const servers: ServerProcess[] = [];
  const clients: Client[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'killed-'));
    for (let n = 0; n < 2; n++) {
      const server = await ServerProcess.start();
      servers.push(server);
      clients.push(createClient({ endpoint: server.url }));
    }
  }, 120_000);
  afterAll(async () => {
    for (const server of servers) await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const [from, to] = [() => clients[0] as Client, () => clients[1] as Client];
  const url = (n: number) => servers[n]?.url ?? '';
  const argumentsOf = (command: readonly string[]) => [...SOURCE_FLAGS, MAIN, ...command];
  const env = { ...programEnvironment() };

  async function fill(queueName: string): Promise<readonly string[]> {
    await ensureQueue(from(), { queue: queueName, expireTimeout: '24h' });
    const names = Array.from({ length: ITEMS }, (_, n) => `${queueName}-${n}`);
    for (let n = 0; n < ITEMS; n += PAGE) {
      const items = names.slice(n, n + PAGE).map((utf8) => ({ utf8 }));
      await from().queue.produce({ queueName, requestTimeout: '9s', items });
    }
    return names;
  }

  /** The items of a queue that wait. 0: there is no such queue yet. */
  async function count(client: Client, queueName: string): Promise<number> {
    const stats = await client.queue.stats({ queueName }).catch(() => undefined);
    const partitions = stats?.logicalQueues.flatMap((queue) => queue.partitions) ?? [];
    return partitions.reduce((sum, { total }) => sum + total, 0);
  }

  /** Runs a command to its end, killed whenever enough items have arrived. @returns how often it was killed. */
  async function runKilled(queueName: string, command: readonly string[]): Promise<number> {
    let kills = 0;
    for (const arrived of KILLED_AT) {
      const child: ChildProcess = spawn(process.execPath, argumentsOf(command), { env, stdio: 'ignore' });
      const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
      let isOver = false;
      void ended.then(() => {
        isOver = true;
      });
      while (!isOver && (await count(to(), queueName)) < arrived) await delay(LOOK_MS);
      child.kill('SIGKILL');
      const [code, signal] = await ended;
      if (signal === 'SIGKILL') kills++;
      else expect(code).toBe(0);
    }
    const last = await runProgram(process.execPath, argumentsOf(command), { env });
    expect(last.code, last.output).toBe(0);
    return kills;
  }

  /** What a queue has, counted and hashed. */
  async function digestOf(n: number, queueName: string): Promise<unknown> {
    const file = join(folder, `digest-${n}-${queueName}.ndjson`);
    const command = ['export', queueName, '--file', file, '--endpoint', url(n), '--json'];
    const { code, stdout, output } = await runProgram(process.execPath, argumentsOf(command), { env });
    expect(code, output).toBe(0);
    return JSON.parse(stdout).queues;
  }

  async function payloadsOf(client: Client, queueName: string): Promise<readonly string[]> {
    const payloads: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await client.v2.items.export({ queueName, limit: PAGE, cursor });
      payloads.push(...page.items.map(({ payload }) => Buffer.from(payload).toString()));
      if (page.cursor === '') return payloads;
      cursor = page.cursor;
    }
  }

  test('querator import: each item is stored once, in its order, with the same digest', async () => {
    const queueName = 'imported';
    const names = await fill(queueName);
    const file = join(folder, 'archive.ndjson.zst');
    const exported = ['export', queueName, '--file', file, '--endpoint', url(0)];
    expect(await runProgram(process.execPath, argumentsOf(exported), { env })).toMatchObject({ code: 0 });
    const kills = await runKilled(queueName, ['import', file, '--verify', '--endpoint', url(1)]);
    expect(kills).toBeGreaterThan(0);
    expect(await payloadsOf(to(), queueName)).toEqual(names);
    expect(await digestOf(1, queueName)).toEqual(await digestOf(0, queueName));
  });

  test('querator migrate: each item has moved once, in its order, and none is left', async () => {
    const queueName = 'migrated';
    const names = await fill(queueName);
    const journal = join(folder, 'journal.json');
    const ways = ['--from', url(0), '--to', url(1), '--journal', journal];
    const kills = await runKilled(queueName, ['migrate', queueName, ...ways]);
    expect(kills).toBeGreaterThan(0);
    expect(await payloadsOf(to(), queueName)).toEqual(names);
    expect(await count(from(), queueName)).toBe(0);
  });
});
