import type { ItemId, PartitionStore } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'dead head', partition: 0 };
const TABLE = itemsTableName(KEY);
/** Enough items for a long index. */
const DEAD = 350_000;

/** Items as the driver writes them, a hundred per number of the sequence. */
const FILL = `
  INSERT INTO ${TABLE} (id, expire_deadline, created_at, reference, payload)
  SELECT '0' || lpad(to_hex((number << 17) + position - 1), 16, '0') || 'abcdefghij',
    now() + interval '1 day', now(), 'old', ''
  FROM (SELECT nextval('querator_item_id') AS number FROM generate_series(1, ${DEAD / 100}) OFFSET 0) AS taken,
    generate_series(1, 100) AS position`;

describe('behind more dead entries than one lease can pass within its time limit', {
  timeout: 180_000,
}, () => {
  let database: TestDatabase;
  let admin: pg.Client;
  let dump: pg.Client;
  /** An old item whose lease was never undone. */
  let oldest: ItemId;
  const open: ReturnType<typeof testBackend>[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    [admin, dump] = [new pg.Client(database.connectionString), new pg.Client(database.connectionString)];
    for (const client of [admin, dump]) await client.connect();
    const backend = testBackend(database.connectionString);
    await backend.partitionStore(KEY).stats();
    await backend.close();
    await admin.query(`ALTER TABLE ${TABLE} SET (autovacuum_enabled = false)`);
    await dump.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await dump.query('SELECT txid_current()');
    await admin.query(FILL);
    oldest = (await admin.query(`SELECT min(id) AS id FROM ${TABLE}`)).rows[0].id;
    await admin.query(`UPDATE ${TABLE} SET is_leased = true, lease_deadline = now() + interval '1 hour'`);
    await admin.query(`DELETE FROM ${TABLE} WHERE id <> $1`, [oldest]);
  }, 180_000);
  afterAll(async () => {
    for (const client of [admin, dump]) await client.end();
    await database.drop();
  });

  beforeEach(async () => {
    await admin.query(`DELETE FROM ${TABLE} WHERE id <> $1`, [oldest]);
    await admin.query(`UPDATE ${TABLE} SET is_leased = true, lease_deadline = now() + interval '1 hour'`);
    await admin.query('DROP TABLE IF EXISTS querator_marks');
  });
  afterEach(async () => {
    for (const backend of open.splice(0)) await backend.close();
  });

  /** A process that starts. */
  const start = (): PartitionStore => {
    const backend = testBackend(database.connectionString);
    open.push(backend);
    return backend.partitionStore(KEY);
  };

  const produce = (store: PartitionStore, ...references: string[]) =>
    store.produce([{ items: references.map(item) }], HOUR);

  const leaseOne = async (store: PartitionStore): Promise<string | undefined> =>
    (await store.lease({ limit: 1, leaseTimeout: HOUR }))[0]?.reference;

  /** The entries of the lease index that ended sessions have read. */
  const entriesRead = async (): Promise<number> => {
    await admin.query('SELECT pg_stat_clear_snapshot()');
    const { rows } = await admin.query<{ read: string }>(
      `SELECT idx_tup_read AS read FROM pg_stat_user_indexes WHERE indexrelname LIKE '%\\_lse'`,
    );
    return Number(rows[0]?.read ?? 0);
  };

  /** The entries of the index that `work` reads, once its connections are closed. */
  async function readBy(work: () => Promise<void>): Promise<number> {
    const before = await entriesRead();
    await work();
    for (const backend of open.splice(0)) await backend.close();
    // A session's statistics are complete a moment after it was closed.
    let [read, last] = [-1, -2];
    await expect
      .poll(
        async () => {
          last = read;
          read = (await entriesRead()) - before;
          return read > 0 && read === last;
        },
        { timeout: 20_000, interval: 300 },
      )
      .toBe(true);
    return read;
  }

  test('a process that starts leases in order, and passes the dead entries once', async () => {
    const references = Array.from({ length: 20 }, (_, n) => `r${n}`);
    const read = await readBy(async () => {
      const store = start();
      await produce(store, ...references);
      for (const reference of references) expect(await leaseOne(store)).toBe(reference);
    });
    expect(read).toBeGreaterThan(DEAD);
    // Two checks from the head at most. With one per lease there would be many more.
    expect(read).toBeLessThan(4 * DEAD);
  });

  test('the next process starts at the stored mark, and reads few dead entries', async () => {
    const store = start();
    for (let round = 0; round < 24; round++) {
      await produce(store, ...Array.from({ length: 1_000 }, (_, n) => `${round}-${n}`));
      expect(await store.lease({ limit: 1_000, leaseTimeout: HOUR })).toHaveLength(1_000);
    }
    const saved = () =>
      admin.query('SELECT mark FROM querator_marks').then(
        ({ rows }) => rows.length,
        () => 0,
      );
    // A server that leases keeps saving its mark.
    await expect
      .poll(
        async () => {
          await produce(store, ...Array.from({ length: 1_000 }, (_, n) => `more-${n}`));
          await store.lease({ limit: 1_000, leaseTimeout: HOUR });
          return saved();
        },
        { timeout: 60_000, interval: 150 },
      )
      .toBe(1);
    await produce(store, 'next');
    for (const backend of open.splice(0)) await backend.close();
    const read = await readBy(async () => {
      expect(await leaseOne(start())).toBe('next');
    });
    expect(read).toBeLessThan(DEAD / 3);
  });

  test('an item that was released long before is found, and leased first', async () => {
    const store = start();
    await produce(store, 'a', 'b', 'c');
    expect(await leaseOne(store)).toBe('a');
    await admin.query(`UPDATE ${TABLE} SET is_leased = false, lease_deadline = NULL WHERE id = $1`, [oldest]);
    // Consumers that wait repeat their requests.
    const given: (string | undefined)[] = [];
    await expect
      .poll(
        async () => {
          given.push(await leaseOne(store));
          return given.includes('old');
        },
        { timeout: 60_000, interval: 200 },
      )
      .toBe(true);
    expect(given.filter((reference) => reference !== undefined && reference !== 'old')).toEqual(['b', 'c']);
  });

  test('a produce for waiting consumers does not wait for the walk, and overtakes no waiting item', async () => {
    const store = start();
    await produce(store, 'first');
    const born = await store.produceAndLease?.([{ items: [item('second')] }], HOUR, {
      limit: 1,
      leaseTimeout: HOUR,
    });
    expect(born?.leased).toEqual([]);
    expect([await leaseOne(store), await leaseOne(store)]).toEqual(['first', 'second']);
    const next = await store.produceAndLease?.([{ items: [item('third')] }], HOUR, {
      limit: 1,
      leaseTimeout: HOUR,
    });
    expect(next?.leased.map(({ reference }) => reference)).toEqual(['third']);
  });

  test('a poll reports waiting items, and reads none of the dead entries', async () => {
    const waiting = async (backend: ReturnType<typeof testBackend>, deadlines: boolean) =>
      (await backend.poll([KEY], { deadlines }))[0]?.waiting;
    const read = await readBy(async () => {
      const store = start();
      const backend = open.at(-1) as ReturnType<typeof testBackend>;
      await produce(store, 'a');
      expect(await leaseOne(store)).toBe('a');
      for (let time = 0; time < 10; time++) {
        for (const deadlines of [false, true]) expect(await waiting(backend, deadlines)).toBe(false);
      }
      await produce(store, 'b');
      for (const deadlines of [false, true]) expect(await waiting(backend, deadlines)).toBe(true);
      expect(await leaseOne(store)).toBe('b');
    });
    expect(read).toBeLessThan(4 * DEAD);
  });

  test('while a writer does not end there is no mark, and leases start at the first waiting item', async () => {
    const writer = new pg.Client(database.connectionString);
    await writer.connect();
    await writer.query('BEGIN');
    await writer.query(`UPDATE ${TABLE} SET kind = 'written' WHERE id = $1`, [oldest]);
    const references = Array.from({ length: 20 }, (_, n) => `r${n}`);
    const read = await readBy(async () => {
      const store = start();
      await produce(store, ...references);
      for (const reference of references) expect(await leaseOne(store)).toBe(reference);
    });
    expect(read).toBeGreaterThan(DEAD);
    expect(read).toBeLessThan(4 * DEAD);
    await writer.end();
  });
});
