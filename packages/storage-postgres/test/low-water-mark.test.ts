import type { PartitionStore } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { insertByHand, MarkedInstance } from './support/marked-instance.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'marked', partition: 0 };
const TABLE = itemsTableName(KEY);
/** Enough for a snapshot after each lease. */
const BATCH = 1_000;

describe('the low-water mark', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let backend: ReturnType<typeof testBackend>;
  let store: PartitionStore;
  let other: pg.Client;
  let instance: MarkedInstance;

  beforeEach(async () => {
    database = await createTestDatabase();
    backend = testBackend(database.connectionString);
    store = backend.partitionStore(KEY);
    await store.stats();
    other = new pg.Client(database.connectionString);
    await other.connect();
    instance = new MarkedInstance(database.connectionString, KEY);
  });
  afterEach(async () => {
    await instance.close();
    await other.end();
    await backend.close();
    await database.drop();
  });

  const produce = async (reference: string, count = BATCH) => {
    const items = Array.from({ length: count }, (_, n) => item(`${reference}-${n}`));
    await store.produce([{ items }], HOUR);
  };

  /** Leases that empty the partition step by step, with a snapshot after each. */
  const leaseAndLook = async (times: number) => {
    for (let n = 0; n < times; n++) {
      await produce(`round ${n}`);
      expect(await instance.lease(BATCH)).toHaveLength(BATCH);
    }
  };

  test('follows the leased items, and stays behind the waiting ones', async () => {
    await leaseAndLook(10);
    const beyond = await store.list({ state: 'queued', pivot: instance.mark, limit: 10 * BATCH });
    expect(beyond.length).toBeLessThan(5 * BATCH);
    await produce('next', 5);
    const items = await instance.lease(10);
    expect(items.map(({ reference }) => reference)).toEqual([0, 1, 2, 3, 4].map((n) => `next-${n}`));
  });

  test('saves leases the dead rows that an open transaction keeps', async () => {
    await other.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await other.query('SELECT txid_current()');
    const rounds = 60;
    await leaseAndLook(rounds);
    await instance.close();
    // A backend's statistics are complete when it has ended.
    await expect.poll(() => entriesRead(database.connectionString), { timeout: 10_000 }).toBeGreaterThan(0);
    // From the head each lease reads all earlier ones: 30 batches on average.
    expect(await entriesRead(database.connectionString)).toBeLessThan(rounds * BATCH * 8);
    await other.query('ROLLBACK');
  });

  test('does not pass an item whose producer commits late', async () => {
    await leaseAndLook(6);
    await other.query('BEGIN');
    const { rows } = await other.query<{ id: string }>(insertByHand(KEY));
    const late = rows[0]?.id ?? '';
    await leaseAndLook(20);
    expect(instance.mark <= late).toBe(true);
    await other.query('COMMIT');
    await produce('after');
    const items = await instance.lease(BATCH);
    expect(items[0]).toMatchObject({ id: late, reference: 'by hand' });
  });

  test('does not pass an item whose producer has taken a number and pauses before it writes', async () => {
    await leaseAndLook(6);
    await other.query('BEGIN');
    // The lock comes first, then the number. The row follows only after a snapshot without either.
    const sleepy = other.query<{ id: string }>(`
      INSERT INTO ${TABLE} (id, expire_deadline, created_at, reference, payload)
      SELECT '0' || lpad(to_hex(number << 17), 16, '0') || 'abcdefghij',
        now() + interval '1 hour', now(), 'sleepy' || slept, ''
      FROM (SELECT number, pg_sleep(1)::text AS slept
        FROM (SELECT nextval('querator_item_id') AS number OFFSET 0) AS taken OFFSET 0) AS later
      RETURNING id`);
    await leaseAndLook(15);
    const late = (await sleepy).rows[0]?.id ?? '';
    await leaseAndLook(5);
    expect(instance.mark <= late).toBe(true);
    await other.query('COMMIT');
    expect((await instance.lease(1))[0]).toMatchObject({ id: late });
  });

  test('does not pass items that a running lease has locked', async () => {
    await leaseAndLook(6);
    await store.produce([{ items: [item('first'), item('second')] }], HOUR);
    await other.query('BEGIN');
    const locked = await other.query<{ id: string }>(
      `SELECT id FROM ${TABLE} WHERE is_leased = false ORDER BY id LIMIT 1 FOR UPDATE`,
    );
    await leaseAndLook(10);
    await other.query('ROLLBACK');
    const [first] = await instance.lease(1);
    expect(first?.id).toBe(locked.rows[0]?.id);
  });

  test('returns to an item that this instance has released', async () => {
    await leaseAndLook(8);
    await produce('undone', 1);
    const [undone] = await instance.lease(1);
    await leaseAndLook(8);
    expect(instance.mark > (undone?.id ?? '')).toBe(true);
    await store.release([undone?.id ?? '']);
    instance.released([undone?.id ?? '']);
    await produce('later', 1);
    expect((await instance.lease(1))[0]?.id).toBe(undone?.id);
  });

  test('an item that another instance has released is found within seconds by a lease from the head', async () => {
    await leaseAndLook(8);
    await produce('undone', 1);
    const [undone] = await instance.lease(1);
    await leaseAndLook(8);
    await store.release([undone?.id ?? '']);
    await produce('later', 2);
    expect((await instance.lease(1))[0]?.reference).toBe('later-0');
    await instance.clock.advance('5s');
    expect((await instance.lease(1))[0]?.id).toBe(undone?.id);
    expect((await instance.lease(1))[0]?.reference).toBe('later-1');
  });

  test('a sequence that goes back, as after a failover, hides new items for at most a second', async () => {
    await leaseAndLook(8);
    await other.query(`SELECT setval('querator_item_id', 1)`);
    await other.query(insertByHand(KEY));
    expect(await instance.lease(1)).toEqual([]);
    await instance.clock.advance('1s');
    expect((await instance.lease(1))[0]?.reference).toBe('by hand');
    await produce('youngest', 1);
    expect((await instance.lease(1))[0]?.reference).toBe('youngest-0');
  });

  test('such an item is found even while newly produced items are leased at once', async () => {
    await leaseAndLook(8);
    await produce('undone', 1);
    const [undone] = await instance.lease(1);
    await leaseAndLook(8);
    await store.release([undone?.id ?? '']);
    const mark = instance.mark;
    expect((await instance.produceAndLease('later')).map(({ reference }) => reference)).toEqual(['later']);
    await instance.clock.advance('5s');
    expect(await instance.produceAndLease('last')).toEqual([]);
    expect(instance.mark).toBe(mark);
    expect((await instance.lease(1))[0]?.id).toBe(undone?.id);
    expect((await instance.lease(1))[0]?.reference).toBe('last');
  });

  test('is discarded when a lease fails, because the next server may lack the last transactions', async () => {
    await leaseAndLook(8);
    await other.query(`ALTER TABLE ${TABLE} RENAME TO hidden`);
    await expect(instance.lease(1)).rejects.toThrow();
    await other.query(`ALTER TABLE hidden RENAME TO ${TABLE}`);
    expect(instance.mark).toBe('');
  });
});

/** The number of entries of the lease index that were read in all. */
async function entriesRead(connectionString: string): Promise<number> {
  const client = new pg.Client(connectionString);
  await client.connect();
  const { rows } = await client.query<{ read: number }>(
    `SELECT idx_tup_read::int AS read FROM pg_stat_user_indexes WHERE indexrelname LIKE '%\\_lse'`,
  );
  await client.end();
  return rows[0]?.read ?? 0;
}
