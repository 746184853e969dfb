import {
  addDuration,
  type Instant,
  instantFromMilliseconds,
  type KeyedItemsResult,
  type KeyedProduceRequest,
  type PartitionStore,
  parseDuration,
} from '@querator/core';
import { createTestDatabase, startFaultProxy, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { keysTableName } from '../src/sql/table-name.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'mail', partition: 0 };
const ITEMS = itemsTableName(KEY);
const KEYS = keysTableName(KEY);
const FIRST = instantFromMilliseconds(Date.UTC(2026, 0, 1));
const SECOND = addDuration(FIRST, parseDuration('1m'));
const OPTIONS = { expireTimeout: HOUR, newKeys: 'store' } as const;

describe('dedup keys', { timeout: 60_000 }, () => {
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

  /** The partition of the queue that was created then, in a separate process. */
  function storeOf(
    createdAt: Instant,
    isThere: () => Promise<boolean> = async () => true,
    connectionString = database.connectionString,
  ) {
    const backend = testBackend(connectionString);
    open.push(backend);
    return backend.partitionStore(KEY, { createdAt, isThere, wasDeleted: async () => false });
  }
  async function produce(store: PartitionStore, key: string, text = 'a'): Promise<KeyedItemsResult | string> {
    const request: KeyedProduceRequest = { groups: [{ key, items: [item(text)] }], window: HOUR };
    const [outcome] = (await store.produceKeyed?.([request], OPTIONS)) ?? [];
    return outcome?.ok === true
      ? (outcome.value.groups[0] as KeyedItemsResult)
      : String(outcome?.error.message);
  }
  const tables = async () => {
    const { rows } = await client.query(
      `SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(items|keys)_' ORDER BY 1`,
    );
    return rows.map(({ relname }) => relname as string);
  };
  const waiting = async () => Number((await client.query(`SELECT count(*) FROM ${ITEMS}`)).rows[0].count);

  test('have a table from the first produce with a key on, and not before', async () => {
    const store = storeOf(FIRST);
    await store.produce([{ items: [item('a')] }], HOUR);
    expect(await store.sweepKeys?.(10)).toEqual({ removed: 0, nextEndMs: undefined });
    expect(await store.countKeys?.()).toBe(0);
    expect(await tables()).toEqual([ITEMS]);
    await produce(store, 'k');
    expect(await tables()).toEqual([ITEMS, KEYS]);
    const { rows } = await client.query(`SELECT obj_description('${KEYS}'::regclass) AS comment`);
    expect(rows[0].comment).toContain('"queue":"mail"');
  });

  test('are found by a process that starts later, also for their removal', async () => {
    await produce(storeOf(FIRST), 'k');
    await client.query(`UPDATE ${KEYS} SET ends_at = now() - interval '1 s'`);
    expect(await storeOf(FIRST).sweepKeys?.(10)).toEqual({ removed: 1, nextEndMs: undefined });
  });

  test('are dropped with their partition, also if an earlier version has dropped the items', async () => {
    await produce(storeOf(FIRST), 'k');
    await storeOf(FIRST).drop();
    expect(await tables()).toEqual([]);
    await produce(storeOf(FIRST), 'k');
    await client.query(`DROP TABLE ${ITEMS}`);
    await storeOf(FIRST).drop();
    expect(await tables()).toEqual([]);
  });

  test('of a queue that an earlier version deleted do not hold for a new queue of that name', async () => {
    const first = await produce(storeOf(FIRST), 'k');
    await client.query(`DROP TABLE ${ITEMS}`);
    const second = await produce(storeOf(SECOND), 'k');
    expect(second).toMatchObject({ state: 'stored' });
    expect(second).not.toEqual(first);
    expect(await waiting()).toBe(1);
    expect(await storeOf(SECOND).countKeys?.()).toBe(1);
  });

  test('of a later queue of that name are not touched', async () => {
    await produce(storeOf(SECOND), 'k');
    await client.query(`DROP TABLE ${ITEMS}`);
    const first = storeOf(FIRST);
    await expect(produce(first, 'k')).rejects.toThrow(`table ${KEYS} holds the dedup keys of another queue`);
    await first.drop();
    expect(await tables()).toEqual([KEYS]);
  });

  test('leave no table if the queue was deleted while it was created', async () => {
    let isThere = true;
    const store = storeOf(FIRST, async () => isThere);
    await store.stats();
    isThere = false;
    await expect(produce(store, 'k')).rejects.toThrow("queue 'mail' was deleted by another process");
    expect(await tables()).toEqual([ITEMS]);
  });

  test('are not kept in a table that runs the code of others, or has another shape', async () => {
    await storeOf(FIRST).stats();
    await client.query(`CREATE TABLE ${KEYS} (key text COLLATE "C" PRIMARY KEY)`);
    await expect(produce(storeOf(FIRST), 'k')).rejects.toThrow('lacks the column first_number (bigint)');
    await client.query(`DROP TABLE ${KEYS}`);
    await produce(storeOf(FIRST), 'k');
    await client.query(`CREATE ROLE stranger_of_keys`);
    await client.query(`CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`);
    await client.query('ALTER FUNCTION spy() OWNER TO stranger_of_keys');
    await client.query(`CREATE TRIGGER spy BEFORE INSERT ON ${KEYS} FOR EACH ROW EXECUTE FUNCTION spy()`);
    try {
      await expect(produce(storeOf(FIRST), 'k2')).rejects.toThrow('spy');
    } finally {
      await client.query('DROP FUNCTION spy() CASCADE');
      await client.query('DROP ROLE stranger_of_keys');
    }
    expect(await produce(storeOf(FIRST), 'k')).toMatchObject({ state: 'duplicate' });
  });

  test.each([
    ['COMMIT', { state: 'duplicate', ids: ['00000000000000007abcdefghij'] }, 0],
    ['ROLLBACK', { state: 'stored' }, 1],
  ] as const)('wait for another process that stores the same key: %s', async (end, expected, stored) => {
    const store = storeOf(FIRST);
    await produce(store, 'other');
    await client.query('BEGIN');
    await client.query(`INSERT INTO ${KEYS} VALUES ('k', 7, 'abcdefghij', now() + interval '1 min')`);
    const answer = produce(store, 'k');
    const observer = new pg.Client(database.connectionString);
    await observer.connect();
    const waits = `SELECT EXISTS (SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock') AS waits`;
    await expect.poll(async () => (await observer.query(waits)).rows[0].waits).toBe(true);
    await observer.end();
    await client.query(end);
    expect(await answer).toMatchObject(expected);
    expect(await waiting()).toBe(1 + stored);
  });

  test('are looked for by a sweep where the last one has not been', async () => {
    const store = storeOf(FIRST);
    await produce(store, 'a');
    await produce(store, 'b');
    const end = (key: string, ago: string) =>
      client.query(`UPDATE ${KEYS} SET ends_at = now() - interval '${ago}' WHERE key = '${key}'`);
    await end('a', '30 min');
    expect(await store.sweepKeys?.(10)).toMatchObject({ removed: 1 });
    // No key is stored with such an end. Another process would find it.
    await end('b', '2 hours');
    expect(await store.sweepKeys?.(10)).toEqual({ removed: 0, nextEndMs: undefined });
    await end('b', '50 min');
    expect(await store.sweepKeys?.(10)).toMatchObject({ removed: 1 });
  });

  test('make a repeat safe if the answer was lost', async () => {
    const proxy = await startFaultProxy(database.connectionString);
    try {
      const store = storeOf(FIRST, async () => true, proxy.connectionString);
      await produce(store, 'before');
      proxy.cutAtAnswers();
      await expect(produce(store, 'k')).rejects.toMatchObject({ outcome: 'unknown' });
    } finally {
      await proxy.close();
    }
    const first = (await client.query(`SELECT id FROM ${ITEMS} ORDER BY id DESC`)).rows[0].id;
    expect(await produce(storeOf(FIRST), 'k')).toEqual({ state: 'duplicate', ids: [first] });
    expect(await waiting()).toBe(2);
  });

  test('are judged by the clock of the database', async () => {
    const store = storeOf(FIRST);
    await produce(store, 'k');
    await client.query(`UPDATE ${KEYS} SET ends_at = clock_timestamp()`);
    expect(await produce(store, 'k')).toMatchObject({ state: 'stored' });
    const { rows } = await client.query(`SELECT ends_at - now() > interval '59 min' AS later FROM ${KEYS}`);
    expect(rows).toEqual([{ later: true }]);
  });

  test('are known again by a process that starts after the sequence of ids was set back', async () => {
    const before = storeOf(FIRST);
    const first = (await produce(before, 'k')) as KeyedItemsResult & { ids: readonly string[] };
    const [leased] = await before.lease({ limit: 1, leaseTimeout: HOUR });
    await before.complete([{ ids: [leased?.id ?? ''] }]);
    // The next statement takes the number that the key was stored with.
    await client.query(
      `SELECT setval('querator_item_id', ${BigInt(`0x${first.ids[0]?.slice(1, 17)}`) >> 17n}, false)`,
    );
    expect(await produce(storeOf(FIRST), 'k')).toEqual({ state: 'duplicate', ids: first.ids });
    expect(await waiting()).toBe(0);
  });

  test('go with the texts of one request that the database cannot hold, and no other', async () => {
    const store = storeOf(FIRST);
    await produce(store, 'held');
    const bad = { groups: [{ key: 'bad', items: [item('\u0000')] }], window: HOUR };
    const good = { groups: [{ key: 'good', items: [item('a')] }], window: HOUR };
    const outcomes = (await store.produceKeyed?.([bad, good, good], OPTIONS)) ?? [];
    expect(outcomes.map(({ ok }) => ok)).toEqual([false, true, true]);
    const states = outcomes.flatMap((outcome) => (outcome.ok ? outcome.value.groups[0]?.state : []));
    expect(states).toEqual(['stored', 'duplicate']);
    expect(await produce(store, 'bad')).toMatchObject({ state: 'stored' });
  });
});
