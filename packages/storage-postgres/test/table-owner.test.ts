import { addDuration, type Instant, instantFromMilliseconds, parseDuration } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: "somebody's queue", partition: 0 };
const TABLE = itemsTableName(KEY);
const FIRST = instantFromMilliseconds(Date.UTC(2026, 0, 1));
const SECOND = addDuration(FIRST, parseDuration('1us'));

describe('the owner of a table', { timeout: 60_000 }, () => {
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
  function storeOf(createdAt: Instant, isThere = async () => true, wasDeleted = async () => true) {
    const backend = testBackend(database.connectionString);
    open.push(backend);
    return backend.partitionStore(KEY, { createdAt, isThere, wasDeleted });
  }
  const comment = async () => {
    const { rows } = await client.query(
      `SELECT obj_description(to_regclass('${TABLE}'), 'pg_class') AS comment`,
    );
    return rows[0].comment as string | null;
  };
  const exists = async () => {
    const { rows } = await client.query(`SELECT to_regclass('${TABLE}') IS NOT NULL AS there`);
    return rows[0].there as boolean;
  };
  const produce = (store: ReturnType<typeof storeOf>) => store.produce([{ items: [item('a')] }], HOUR);

  test('is named in its comment', async () => {
    await produce(storeOf(FIRST));
    expect(await comment()).toBe(
      `querator {"queue":"somebody's queue","partition":0,"created":"${FIRST.toString()}"}`,
    );
  });

  test('an empty table of an earlier queue of the name is replaced', async () => {
    await produce(storeOf(FIRST));
    const second = storeOf(SECOND);
    expect((await second.stats()).waiting).toBe(0);
    await produce(second);
    expect((await storeOf(SECOND).stats()).waiting).toBe(1);
  });

  test('a late process of an earlier queue is refused, and drops nothing', async () => {
    await produce(storeOf(SECOND));
    const late = storeOf(FIRST);
    await expect(late.stats()).rejects.toThrow('was deleted and created anew');
    await late.drop();
    expect((await storeOf(SECOND).stats()).waiting).toBe(1);
  });

  test('a deleted queue gets no table, neither at first nor after it was dropped', async () => {
    let isThere = false;
    const store = storeOf(FIRST, async () => isThere);
    await expect(produce(store)).rejects.toMatchObject({ name: 'StorageError', outcome: 'not-applied' });
    expect(await exists()).toBe(false);
    isThere = true;
    await produce(store);
    await storeOf(FIRST).drop();
    isThere = false;
    await expect(produce(store)).rejects.toThrow('was deleted by another process');
    expect(await exists()).toBe(false);
  });

  test('a queue whose deletion is uncertain is checked again until it is certain', async () => {
    const answers = ['unreachable', 'unreachable', 'gone'];
    const store = storeOf(FIRST, async () => {
      if (answers.shift() === 'unreachable') throw new Error('the storage of queues is down');
      return false;
    });
    for (const reason of ['is down', 'is down', 'was deleted by another process']) {
      await expect(produce(store)).rejects.toThrow(reason);
    }
    expect(await exists()).toBe(false);
  });

  test('a table without a comment is taken over with all its items', async () => {
    await produce(storeOf(FIRST));
    await client.query(`COMMENT ON TABLE ${TABLE} IS NULL`);
    expect((await storeOf(SECOND).stats()).waiting).toBe(1);
    expect(await comment()).toContain(SECOND.toString());
  });

  test('the sequence of ids is raised above the ids of a restored table, and never set back', async () => {
    await produce(storeOf(FIRST));
    const [old] = await storeOf(FIRST).list({ state: 'queued', pivot: '', limit: 1 });
    await client.query(
      `UPDATE ${TABLE} SET id = '0' || lpad(to_hex(5000::bigint << 17), 16, '0') || 'aaaaaaaaaa'`,
    );
    const store = storeOf(FIRST);
    await produce(store);
    const items = await store.list({ state: 'queued', pivot: '', limit: 10 });
    expect(items).toHaveLength(2);
    const [low = '', high = ''] = items.map(({ id }) => id.slice(0, 17));
    expect(high > low).toBe(true);
    expect(old?.id).not.toBe(items[0]?.id);
    const last = async () =>
      (await client.query('SELECT last_value::int AS n FROM querator_item_id')).rows[0].n;
    const height = await last();
    expect(height).toBeGreaterThan(5_000);
    await storeOf(FIRST).stats();
    // The check of the server takes a few numbers; raising the sequence once more would skip many.
    expect(await last()).toBeGreaterThanOrEqual(height);
    expect(await last()).toBeLessThan(height + 10);
  });
});
