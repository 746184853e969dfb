import { type Instant, instantFromMilliseconds } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'mail', partition: 0 };
const TABLE = itemsTableName(KEY);
const KEYS = TABLE.replace('items', 'keys');
const CREATED: Instant = instantFromMilliseconds(Date.UTC(2026, 0, 1));

describe('the table of a partition that is dropped if it is empty', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  const open: ReturnType<typeof testBackend>[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
  });
  afterEach(async () => {
    for (const backend of open.splice(0)) await backend.close();
    await client.end();
    await database.drop();
  });

  /** The partition as another process sees it, which asks `isThere` whether the queue may have new tables. */
  function storeOf(isThere: () => Promise<boolean> = async () => true, timeouts = {}) {
    const backend = testBackend(database.connectionString, { timeouts });
    open.push(backend);
    return backend.partitionStore(KEY, { createdAt: CREATED, isThere, wasDeleted: async () => false });
  }
  type Store = ReturnType<typeof storeOf>;
  const produce = (store: Store, text = 'a') => store.produce([{ items: [item(text)] }], HOUR);
  const complete = async (store: Store) => {
    const leased = await store.lease({ limit: 10, leaseTimeout: HOUR });
    await store.complete([{ ids: leased.map(({ id }) => id) }]);
  };
  const exists = async (table = TABLE) => {
    const { rows } = await client.query(`SELECT to_regclass('${table}') IS NOT NULL AS there`);
    return rows[0].there as boolean;
  };

  test('is spared as long as a transaction that stores an item has not ended', async () => {
    const store = storeOf(undefined, { lockMs: 300 });
    await produce(store);
    await complete(store);
    await client.query(`BEGIN; LOCK TABLE ${TABLE} IN ROW EXCLUSIVE MODE`);
    await expect(store.dropEmpty?.()).rejects.toMatchObject({ locked: true, outcome: 'not-applied' });
    await client.query('COMMIT');
    expect(await store.dropEmpty?.()).toBe(true);
    expect(await exists()).toBe(false);
  });

  test('sees an item that was stored while it waited for the lock', async () => {
    const store = storeOf();
    await produce(store, 'early');
    const { rows } = await client.query(`SELECT to_jsonb(i) AS stored FROM ${TABLE} i`);
    await complete(store);
    await client.query('BEGIN');
    await client.query(`INSERT INTO ${TABLE} SELECT * FROM jsonb_populate_record(NULL::${TABLE}, $1)`, [
      JSON.stringify(rows[0].stored),
    ]);
    const dropped = store.dropEmpty?.();
    const waits = `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock') AS waits`;
    const other = new pg.Client(database.connectionString);
    await other.connect();
    while (!(await other.query(waits)).rows[0].waits);
    await other.end();
    await client.query('COMMIT');
    expect(await dropped).toBe(false);
    expect((await store.stats()).waiting).toBe(1);
  });

  test('is not created again by a process that was asked for it before the queue was closed', async () => {
    let isOpen = true;
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    let held = true;
    const there = storeOf(async () => {
      const wasOpen = isOpen;
      if (!held) return wasOpen;
      held = false;
      asked.resolve();
      await answer.promise;
      return wasOpen;
    });
    const produced = produce(there);
    await asked.promise;
    isOpen = false;
    expect(await storeOf().dropEmpty?.()).toBe(true);
    // It still believes that the queue is open.
    answer.resolve();
    await expect(produced).rejects.toMatchObject({ name: 'StorageError', outcome: 'not-applied' });
    expect(await exists()).toBe(false);
  });

  test('is not used by a process that finds it before its creator has asked for the queue', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<boolean>();
    const creator = storeOf(() => {
      asked.resolve();
      return answer.promise;
    });
    const produced = expect(produce(creator)).rejects.toThrow('is being deleted');
    await asked.promise;
    expect(await exists()).toBe(true);
    await expect(produce(storeOf(async () => false))).rejects.toThrow('is being deleted');
    expect(await exists()).toBe(false);
    answer.resolve(false);
    await produced;
  });

  test('is used without another question once it has held an item', async () => {
    await produce(storeOf());
    let questions = 0;
    const store = storeOf(async () => {
      questions++;
      return false;
    });
    await produce(store);
    expect(questions).toBe(0);
    expect((await store.stats()).waiting).toBe(2);
  });

  test('leaves the dedup keys, which a process that creates it anew still removes in time', async () => {
    const groups = [{ key: 'k', items: [item('a')] }];
    const store = storeOf();
    await store.produceKeyed?.([{ groups, window: HOUR }], { expireTimeout: HOUR, newKeys: 'store' });
    await complete(store);
    expect(await store.dropEmpty?.()).toBe(true);
    expect([await exists(), await exists(KEYS)]).toEqual([false, true]);
    const other = storeOf();
    await produce(other);
    expect(await other.countKeys?.()).toBe(1);
    await client.query(`UPDATE ${KEYS} SET ends_at = now() - interval '1 s'`);
    expect(await other.sweepKeys?.(10)).toMatchObject({ removed: 1 });
  });
});
