import process from 'node:process';
import { DEFAULT_QUEUE, Load } from '@querator/tooling-load';
import {
  type Cluster,
  createTestDatabase,
  startTemporaryCluster,
  type TestDatabase,
} from '@querator/tooling-postgres';
import { ServerProcess } from '@querator/tooling-processes';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HeldDatabase } from './held/held-database.ts';
import { measured } from './measured.ts';
import { complete, idsOf, lease, produce, textsOf } from './queue-calls.ts';

const isShort = process.env['QUERATOR_CLUSTER_SHORT'] === '1';
/** An item leaves one dead row by its lease and one by its complete. */
const DEAD_ROWS = isShort ? 40_000 : 400_000;
const QUEUE = 'jobs';
const WITHIN = { timeout: 200_000, interval: 100 };
/** Large batches: dead rows accumulate soon, and items wait nearly always. */
const LARGE = { produce: 400, lease: 300 };

/** Leases of many items, which leave the low-water mark of each server behind, and then leases of few. */
const LARGE_LEASES = 10;
const MANY = 1_000;
const FEW = 10;
const SMALL_LEASES = isShort ? 400 : 1_500;
/**
 * The mark has passed the large leases after four snapshots. A snapshot follows 20
 * leases, if 1,000 items are behind the mark.
 */
const UNTIL_PASSED = 4 * 20;
/** The most dead rows that a small lease then reads: those of 1,000 items, and of the leases in four snapshots. */
const BEHIND = 1_000 + 4 * 20 * FEW;
/**
 * Reads from the head by a new server: twice the expected number, which is four: the
 * count, a lease or two, and the search for the mark.
 */
const FROM_HEAD = 8;
/** A server that leases also checks the head, at most once in this time. */
const CHECK_MS = 5_000;

type Both = readonly [ServerProcess, ServerProcess];

describe('two servers on a database with an open transaction', { timeout: 600_000 }, () => {
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

  test('lose no item, complete none twice, keep the order, and do not read the dead rows at each lease', async () => {
    const both = await startBoth();
    await completeAllOnce(both);
    expect(await takenInTurns(both)).toEqual(numbered(ORDERED));
    expect(await held.deadRows()).toBeGreaterThan(DEAD_ROWS);
    await stopAll();
    await held.untilServersAreGone();

    // New servers do not know where the dead rows end.
    const atHead = await held.entriesFromHead();
    const before = await held.entriesRead();
    const startedAt = performance.now();
    for (const server of await startBoth()) {
      for (let n = 0; n < LARGE_LEASES; n++) await roundTrip(server, MANY);
      for (let n = 0; n < SMALL_LEASES; n++) await roundTrip(server, FEW);
    }
    await stopAll();
    const checks = Math.ceil((performance.now() - startedAt) / CHECK_MS);
    await held.untilServersAreGone();
    const read = (await held.entriesRead()) - before;
    const large = LARGE_LEASES * MANY;
    const perServer = (LARGE_LEASES + UNTIL_PASSED) * large + SMALL_LEASES * BEHIND;
    const most = (2 * FROM_HEAD + checks) * atHead + 2 * perServer;
    measured(
      `a transaction held open, ${atHead} dead entries at the head: ${2 * SMALL_LEASES} leases of ${FEW} items, ` +
        `after ${2 * LARGE_LEASES} of ${MANY}, read ${read} entries (bound: ${most})`,
    );
    expect(read).toBeLessThan(most);
    // Leases that always start at the head would exceed the bound by far, and so would a mark that stays.
    expect(2 * SMALL_LEASES * atHead).toBeGreaterThan(3 * most);
    expect(2 * SMALL_LEASES * (large + (SMALL_LEASES * FEW) / 2)).toBeGreaterThan(1.2 * most);
    expect(await held.isHeld()).toBe(true);
  });

  /** Runs producers and consumers on both servers until there are enough dead rows. */
  async function completeAllOnce(both: Both): Promise<void> {
    const load = new Load(both, { queues: [{ ...DEFAULT_QUEUE, ...LARGE, name: QUEUE, settings: {} }] });
    await load.createQueues();
    load.start(3);
    await vi.waitFor(async () => expect(await held.deadRows()).toBeGreaterThan(DEAD_ROWS), WITHIN);
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
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
