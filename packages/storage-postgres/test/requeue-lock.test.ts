import { type Clock, instantFromMicroseconds, milliseconds, SystemClock } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { createTestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { expect, test } from 'vitest';
import { itemsTableName, PoolRegistry } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'requeued', partition: 0 };
const TABLE = itemsTableName(KEY);
const SWEEP = { claimTimeout: HOUR, maxAttempts: 0, dead: 'delete' } as const;
const LOCK = `BEGIN; SELECT pg_advisory_xact_lock((${0x71756572}::bigint << 32) + '${TABLE}'::regclass::oid::bigint)`;

const WAITING = `SELECT count(*)::int AS sessions FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock'`;

/** Two backends on a database of their own, and a function to open further connections. */
async function setUp(clock: Clock = new SystemClock()) {
  const database = await createTestDatabase();
  const backend = () => testBackend(database.connectionString, { registry: new PoolRegistry({ clock }) });
  const backends = [backend(), backend()] as const;
  const clients: pg.Client[] = [];
  return {
    stores: [backends[0].partitionStore(KEY), backends[1].partitionStore(KEY)] as const,
    connect: async () => {
      const client = new pg.Client(database.connectionString);
      clients.push(client);
      await client.connect();
      return client;
    },
    end: async () => {
      for (const client of clients) await client.end();
      for (const backend of backends) await backend.close();
      await database.drop();
    },
  };
}

/** Items that were due long ago, by their references. */
const due = (references: readonly string[]) =>
  references.map((reference) => ({
    ...item(reference),
    ...{ isLeased: false, attempts: 0, maxAttempts: 0, enqueueAt: instantFromMicroseconds(0n) },
  }));

test('a second sweep does not hide the items that the first has just returned to the queue', async () => {
  const { stores, connect, end } = await setUp();
  const [one, two] = stores;
  await one.import(due(['a', 'b', 'c', 'd']), HOUR);
  const [holdsB, holdsD, watching] = [await connect(), await connect(), await connect()];
  const lock = (reference: string) =>
    `BEGIN; SELECT FROM ${TABLE} WHERE reference = '${reference}' FOR UPDATE`;
  await holdsB.query(lock('b'));
  await holdsD.query(lock('d'));
  const waiting = async () => (await watching.query(WAITING)).rows[0].sessions;
  const first = one.sweep({ ...SWEEP, limit: 3 });
  await expect.poll(waiting).toBe(1);
  // Without the lock it would wait for the first one, lock the newest versions of a, b
  // and c, and wait for d with them.
  let secondIsDone = false;
  const second = two.sweep({ ...SWEEP, limit: 10 }).finally(() => {
    secondIsDone = true;
  });
  await expect.poll(async () => secondIsDone || (await waiting()) === 2).toBe(true);
  await holdsB.query('ROLLBACK');
  expect(await first).toMatchObject({ enqueued: 3 });
  await expect.poll(async () => secondIsDone || (await waiting()) === 1).toBe(true);
  await one.produce([{ items: [item('later')] }], HOUR);
  const leased = await one.lease({ limit: 1, leaseTimeout: HOUR });
  expect(leased.map(({ reference }) => reference)).toEqual(['a']);
  await holdsD.query('ROLLBACK');
  await second;
  await end();
});

test('while another session sweeps, a sweep changes nothing and is repeated soon', async () => {
  const { stores, connect, end } = await setUp();
  const [one] = stores;
  await one.produce([{ items: [item('leased')] }], HOUR);
  await one.lease({ limit: 1, leaseTimeout: milliseconds(1) });
  await one.import(due(['scheduled']), HOUR);
  const sweeping = await connect();
  await sweeping.query(LOCK);
  const nothing = { enqueued: 0, requeued: 0, deleted: 0, dead: [], moved: [] };
  expect(await one.sweep({ ...SWEEP, limit: 10 })).toEqual({ ...nothing, nextDueMs: 100 });
  await sweeping.query('ROLLBACK');
  await expect.poll(() => one.sweep({ ...SWEEP, limit: 10 })).toMatchObject({ enqueued: 1, requeued: 1 });
  await end();
});

test('after a minute sweeps proceed without a lock that is never released', async () => {
  const clock = new ManualClock();
  const { stores, connect, end } = await setUp(clock);
  const [one] = stores;
  await one.import(due(['scheduled']), HOUR);
  await (await connect()).query(LOCK);
  const sweep = () => one.sweep({ ...SWEEP, limit: 10 });
  expect(await sweep()).toMatchObject({ enqueued: 0 });
  await clock.advance('59s');
  expect(await sweep()).toMatchObject({ enqueued: 0 });
  await clock.advance('1s');
  expect(await sweep()).toMatchObject({ enqueued: 1 });
  // The next item does not wait as long.
  await one.import(due(['another']), HOUR);
  expect(await sweep()).toMatchObject({ enqueued: 1 });
  await end();
});

test('a sweep that missed the lock long ago waits for it anew', async () => {
  const clock = new ManualClock();
  const { stores, connect, end } = await setUp(clock);
  const [one, two] = stores;
  await one.import(due(['early']), HOUR);
  const other = await connect();
  await other.query(LOCK);
  const sweep = () => one.sweep({ ...SWEEP, limit: 10 });
  expect(await sweep()).toMatchObject({ enqueued: 0 });
  await other.query('ROLLBACK');
  expect(await two.sweep({ ...SWEEP, limit: 10 })).toMatchObject({ enqueued: 1 });
  expect(await sweep()).toMatchObject({ enqueued: 0 });
  await clock.advance('10m');
  await one.import(due(['late']), HOUR);
  await other.query(LOCK);
  expect(await sweep()).toMatchObject({ enqueued: 0 });
  await end();
});
