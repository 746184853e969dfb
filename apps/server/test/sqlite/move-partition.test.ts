import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '@querator/core/testing';
import { Load, type LoadedServer } from '@querator/tooling-load';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { ITEMS_STORAGE, ServerProcess } from '@querator/tooling-processes';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

/** How often the partitions move. `QUERATOR_MOVES` sets another number. */
const ROUNDS = Number(process.env['QUERATOR_MOVES'] ?? 3);
const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const USUAL = { retry: 0.1, later: 0.08, abandon: 0.04 };
const POSTGRES = 'postgres';
/** One of each queue: with several partitions, with dead letters, and the dead-letter queue. */
const PARTITIONS = [
  ['plain', 1],
  ['mortal', 0],
  ['dead', 0],
] as const;

describe('partitions that move between a file and PostgreSQL under load', {
  timeout: 120_000 + ROUNDS * 60_000,
}, () => {
  let folder: string;
  let database: TestDatabase;
  let server: ServerProcess;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'querator-sqlite-'));
    database = await createTestDatabase();
    const further = { [POSTGRES]: database.connectionString };
    server = await ServerProcess.start({ storage: join(folder, 'queues.db'), further });
  }, 60_000);
  afterEach(async () => {
    await server?.kill();
    await server?.stop();
    await database?.drop();
    await rm(folder, { recursive: true });
  });

  const placementOf = async (queue_name: string, partition: number) =>
    (await server.ask('v2/queues.describe', { queue_name }))['partitions'][partition];

  test(`lose nothing that was acknowledged, and double nothing, while the server is killed (seed ${SEED})`, async () => {
    // Undefined: the server was killed before it answered.
    const loaded: LoadedServer = { post: (call, body) => server.post(call, body).catch(() => undefined) };
    const random = new SeededRandom(SEED);
    const settings = { lease_timeout: '1s' };
    const load = new Load([loaded], {
      ...{ seed: SEED, scheduled: 0.2, delayMs: 300, produceTimeout: '5s' },
      ...{ serversEnd: true, severalDatabases: true },
      queues: [
        {
          ...{ name: 'plain', produce: 4, lease: 8, setbacks: USUAL },
          settings: { ...settings, requested_partitions: 3 },
        },
        {
          ...{ name: 'mortal', produce: 4, lease: 8, setbacks: { ...USUAL, dead: 0.05 }, maxAttempts: 2 },
          settings: { ...settings, requested_partitions: 2, dead_queue: 'dead' },
        },
        { name: 'dead', produce: 0, lease: 8, settings },
      ],
    });
    await load.createQueues();
    load.start(2);
    await load.more(50);
    for (let round = 0; round < ROUNDS; round++) {
      const storage_name = round % 2 === 0 ? POSTGRES : ITEMS_STORAGE;
      const tasks = await Promise.all(
        PARTITIONS.map(([queue_name, partition]) =>
          server.ask('v2/tasks.create', { kind: 'move_partition', queue_name, partition, storage_name }),
        ),
      );
      await load.more(20);
      await delay(random.fraction() * 200);
      await server.kill();
      await server.start();
      for (const { id } of tasks) {
        const ended = async () => expect((await server.ask('v2/tasks.get', { id }))['state']).toBe('done');
        await vi.waitFor(ended, { timeout: 60_000, interval: 100 });
      }
      for (const [queue_name, partition] of PARTITIONS) {
        const placement = await placementOf(queue_name, partition);
        expect(placement).toMatchObject({ storage_name });
        expect(placement.moving_to).toBeUndefined();
      }
    }
    await load.more(50);
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  });
});
