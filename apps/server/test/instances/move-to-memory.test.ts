import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { Load, type LoadedServer } from '@querator/tooling-load';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parseConfig, type RunningServer, startServer } from '../../src/index.ts';
import { readReply } from '../support/test-server.ts';

/** How often the partitions move. */
const MOVES = Number(process.env['QUERATOR_MOVES'] ?? 4);
const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const SETBACKS = { retry: 0.1, later: 0.08, abandon: 0.04 };
const PARTITIONS = [
  ['plain', 0],
  ['plain', 1],
  ['mortal', 0],
  ['dead', 0],
] as const;

describe('partitions that move between PostgreSQL and memory under load', {
  timeout: 120_000 + MOVES * 120_000,
}, () => {
  let database: TestDatabase;
  let server: RunningServer;

  beforeAll(async () => {
    database = await createTestDatabase();
    const postgres = {
      ...{ driver: 'postgres', config: { 'connection-string': database.connectionString, 'max-conns': 8 } },
    };
    const config = {
      ...{ address: '127.0.0.1:0', 'queue-storage': postgres },
      'partition-storage': [
        { name: 'disk', ...postgres },
        { name: 'memory', driver: 'memory', affinity: 0 },
      ],
    };
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    server = await startServer(parseConfig(JSON.stringify(config)), deps);
  });
  afterAll(async () => {
    await server?.stop();
    await database?.drop();
  });

  const post: LoadedServer['post'] = async (call, body) => {
    const path = call.startsWith('v2/') ? call : `v1/${call}`;
    const headers = { 'Content-Type': 'application/json' };
    const reply = await fetch(`${server.url}/${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return readReply(reply);
  };
  const create = (storage_name: string, force: boolean) => (place: (typeof PARTITIONS)[number]) => {
    const [queue_name, partition] = place;
    return post('v2/tasks.create', { kind: 'move_partition', queue_name, partition, storage_name, force });
  };

  test(`lose nothing, double nothing, and keep the order (seed ${SEED})`, async () => {
    const load = new Load([{ post }], {
      ...{
        seed: SEED,
        scheduled: 0.2,
        delayMs: 300,
        produceTimeout: '5s',
        severalDatabases: true,
        pauseMs: 5,
      },
      queues: [
        {
          ...{ name: 'plain', produce: 4, lease: 8, setbacks: SETBACKS },
          settings: { lease_timeout: '1s', requested_partitions: 2 },
        },
        {
          ...{ name: 'mortal', produce: 4, lease: 8, setbacks: { ...SETBACKS, dead: 0.05 }, maxAttempts: 2 },
          settings: { lease_timeout: '1s', requested_partitions: 1, dead_queue: 'dead' },
        },
        { name: 'dead', produce: 0, lease: 8, settings: { lease_timeout: '1s' } },
      ],
    });
    await load.createQueues();
    load.start(2);
    await load.more(50);
    const refused = await create('memory', false)(PARTITIONS[0]);
    expect(refused).toMatchObject({
      status: 400,
      message: expect.stringContaining('use force to move there'),
    });
    for (let move = 0; move < MOVES; move++) {
      const to = move % 2 === 0 ? 'memory' : 'disk';
      // A queue has one such task at a time.
      for (const place of PARTITIONS) {
        const created = await create(to, true)(place);
        expect(created?.status, created?.message).toBe(200);
        const id: string = created?.json.id;
        const ended = async () => {
          const task = (await post('v2/tasks.get', { id }))?.json;
          expect(task.state, task.error).toBe('done');
        };
        await vi.waitFor(ended, { timeout: 120_000, interval: 20 });
      }
      await load.more(30);
      for (const [queue_name, partition] of PARTITIONS) {
        const described = await post('v2/queues.describe', { queue_name });
        expect(described?.json.partitions[partition]).toMatchObject({ storage_name: to });
      }
    }
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  });
});
