import process from 'node:process';
import {
  type Cluster,
  createTestDatabase,
  startTemporaryCluster,
  type TestDatabase,
} from '@querator/tooling-postgres';
import { ServerProcess } from '@querator/tooling-processes';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HeldDatabase } from './held/held-database.ts';
import { Load } from './load/load.ts';
import { measured } from './measured.ts';
import { complete, idsOf, lease, produce, textsOf } from './queue-calls.ts';

const isShort = process.env['QUERATOR_CLUSTER_SHORT'] === '1';
/** An item leaves one dead row by its lease and one by its complete. */
const DEAD_ROWS = isShort ? 40_000 : 400_000;
const QUEUE = 'jobs';
const WITHIN = { timeout: 200_000, interval: 100 };
/** Large batches: dead rows accumulate soon, and items wait nearly always. */
const LARGE = { produce: 400, lease: 300 };

/** Leases of many items, in which each server finds its low-water mark, and then leases of few. */
const SETTLING_LEASES = 10;
const FEW = 10;
const MEASURED_LEASES = 100;
/** The most dead rows that a lease reads: twice the 4,000 items by which the low-water mark may lag. */
const BEHIND = 8_000;
/**
 * Leases from the head: four times the expected number, which is five per new
 * server and one in five seconds.
 */
const FROM_HEAD = 40;

type Both = readonly [ServerProcess, ServerProcess];

describe('two servers on a database in which a transaction is held open', { timeout: 600_000 }, () => {
  let cluster: Cluster;
  let database: TestDatabase;
  let held: HeldDatabase;
  let running: ServerProcess[];

  beforeEach(async () => {
    running = [];
    cluster = await startTemporaryCluster({ settings: { shared_buffers: '256MB', max_wal_size: '2GB' } });
    database = await createTestDatabase(cluster.connectionString());
    held = await HeldDatabase.hold(database, QUEUE);
  });
  afterEach(async () => {
    await stopAll();
    await held?.release();
    await database?.drop();
    await cluster?.stop();
  });

  async function startBoth(): Promise<Both> {
    const start = () => ServerProcess.start({ storage: database.connectionString, maxConns: 8 });
    const both = await Promise.all([start(), start()] as const);
    running.push(...both);
    return both;
  }

  async function stopAll(): Promise<void> {
    for (const server of running.splice(0)) await server.stop();
  }

  test('lose nothing, complete nothing twice, keep the order, and do not read the dead rows at each lease', async () => {
    const both = await startBoth();
    await completeAllOnce(both);
    expect(await takenInTurns(both)).toEqual(numbered(ORDERED));
    expect(await held.deadRows()).toBeGreaterThan(DEAD_ROWS);
    await stopAll();
    await held.untilServersAreGone();

    // New servers do not know where the dead rows end.
    const atHead = await held.entriesFromHead();
    const leases = 2 * MEASURED_LEASES;
    const most = FROM_HEAD * atHead + leases * BEHIND;
    // Leases that always start at the head would exceed the bound by far.
    expect(leases * atHead).toBeGreaterThan(1.5 * most);
    const before = await held.entriesRead();
    for (const server of await startBoth()) {
      for (let n = 0; n < SETTLING_LEASES; n++) await roundTrip(server, 1_000);
      for (let n = 0; n < MEASURED_LEASES; n++) await roundTrip(server, FEW);
    }
    await stopAll();
    await held.untilServersAreGone();
    const read = (await held.entriesRead()) - before;
    measured(
      `a transaction held open, ${atHead} dead entries at the head: ${leases} leases of ${FEW} items, after ` +
        `${2 * SETTLING_LEASES} of 1,000, read ${read} entries`,
    );
    expect(read).toBeLessThan(most);
    expect(await held.isHeld()).toBe(true);
  });

  /** Runs producers and consumers on both servers until there are enough dead rows. */
  async function completeAllOnce(both: Both): Promise<void> {
    const load = new Load(both, { queue: QUEUE, partitions: 1, batches: LARGE });
    await load.start(3);
    await vi.waitFor(async () => expect(await held.deadRows()).toBeGreaterThan(DEAD_ROWS), WITHIN);
    await load.settle();
    load.ledger.expectNothingLostOrDoubled();
    expect(load.ledger).toMatchObject({ unknown: 0, refused: 0, perhapsCompleted: 0 });
    expect(await held.isEmpty()).toBe(true);
  }
});

/** Each server moves its low-water mark once in a thousand items, sometimes while an item is in transit. */
const ORDERED = isShort ? 6_000 : 40_000;
/**
 * With batches of SOME the consumer falls behind the producer; with batches of ALL
 * it catches up each time.
 */
const SOME = 50;
const ALL = 400;
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `number ${n}`);

/** Runs one producer and one consumer, which alternate between the servers. */
async function takenInTurns(both: Both): Promise<readonly string[]> {
  const texts = numbered(ORDERED);
  const taken: string[] = [];
  const produceAll = async () => {
    for (let n = 0; n * SOME < texts.length; n++) {
      await produce(both[n % 2 === 0 ? 0 : 1], QUEUE, texts.slice(n * SOME, (n + 1) * SOME));
    }
  };
  const consumeAll = async () => {
    for (let n = 0; taken.length < texts.length; n++) {
      const server = both[n % 2 === 0 ? 0 : 1];
      const items = await lease(server, QUEUE, taken.length < texts.length / 2 ? SOME : ALL);
      expect(items.length, `after ${taken.length} items there are no more`).toBeGreaterThan(0);
      taken.push(...textsOf(items));
      expect((await complete(server, QUEUE, idsOf(items))).status).toBe(200);
    }
  };
  await Promise.all([produceAll(), consumeAll()]);
  return taken;
}

/** Produces, leases and completes `count` items in an empty queue. */
async function roundTrip(server: ServerProcess, count: number): Promise<void> {
  await produce(server, QUEUE, numbered(count));
  const items = await lease(server, QUEUE, count);
  expect(textsOf(items)).toEqual(numbered(count));
  expect((await complete(server, QUEUE, idsOf(items))).status).toBe(200);
}
