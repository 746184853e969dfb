import { milliseconds } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const COUNTS = { queue: 'q', produced: 1, leased: 0, completed: 0, retried: 0, dead: 0 };
const REQUEST = { queues: ['q'], span: milliseconds(3_600_000) };

describe('the table of rates', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;
  let backend: ReturnType<typeof testBackend>;

  beforeEach(async () => {
    database = await createTestDatabase();
    admin = new pg.Client(database.connectionString);
    await admin.connect();
    backend = testBackend(database.connectionString, { maxConns: 2 });
  });
  afterEach(async () => {
    await backend.close();
    await admin.end();
    await database.drop();
  });

  test('is created by the first counts, and not by those who read', async () => {
    const store = backend.rateStore();
    const exists = async () =>
      (await admin.query(`SELECT FROM pg_tables WHERE tablename = 'querator_rates'`)).rowCount === 1;
    expect((await store.read(REQUEST)).counts).toEqual([]);
    await store.add([]);
    expect(await exists()).toBe(false);
    await store.add([COUNTS]);
    expect(await exists()).toBe(true);
    expect((await store.read(REQUEST)).counts).toMatchObject([COUNTS]);
    await admin.query('DROP TABLE querator_rates');
    await store.add([COUNTS]);
    expect((await store.read(REQUEST)).counts).toMatchObject([COUNTS]);
  });

  test('loses minutes that are old, and waits for no row that another process holds', async () => {
    const store = backend.rateStore();
    await store.add([COUNTS, { ...COUNTS, queue: 'other' }]);
    await admin.query(`UPDATE querator_rates SET minute = minute - interval '26 hours'`);
    await admin.query('BEGIN');
    await admin.query(`SELECT FROM querator_rates WHERE queue = 'other' FOR UPDATE`);
    await store.add([COUNTS]);
    await admin.query('COMMIT');
    const { rows } = await admin.query(
      `SELECT queue, minute > now() - interval '1 hour' AS fresh FROM querator_rates ORDER BY 1, 2`,
    );
    expect(rows).toEqual([
      { queue: 'other', fresh: false },
      { queue: 'q', fresh: true },
    ]);
  });

  describe('of an earlier version', () => {
    const DEPTH = { waiting: 5, leased: 4, scheduled: 3, headAgeMs: 2 };
    const OLD_INSERT = `INSERT INTO querator_rates (minute, queue, produced, leased, completed, retried, dead)
      VALUES (date_trunc('minute', now()), 'q', 10, 0, 0, 0, 0)
      ON CONFLICT (minute, queue) DO UPDATE SET produced = querator_rates.produced + EXCLUDED.produced`;

    beforeEach(async () => {
      await backend.rateStore().add([COUNTS]);
      await backend.close();
      await admin.query('ALTER TABLE querator_rates DROP COLUMN depth; TRUNCATE querator_rates');
      await admin.query(OLD_INSERT);
    });

    const reopened = (connectionString = database.connectionString) => {
      backend = testBackend(connectionString, { maxConns: 2 });
      return backend.rateStore();
    };

    test('is read, and gets the column at the first sample, beside a server of that version', async () => {
      const store = reopened();
      expect((await store.read(REQUEST)).counts).toMatchObject([{ produced: 10 }]);
      await store.add([COUNTS]);
      await store.add([{ ...COUNTS, depth: DEPTH }]);
      await admin.query(OLD_INSERT);
      expect((await store.read(REQUEST)).counts).toMatchObject([{ produced: 22, depth: DEPTH }]);
    });

    test('is written without samples if it is locked, and by a role that may not alter it', async () => {
      let store = reopened();
      await admin.query('BEGIN; LOCK TABLE querator_rates IN ROW EXCLUSIVE MODE');
      await store.add([{ ...COUNTS, depth: DEPTH }]);
      await admin.query('COMMIT');
      const { counts: locked } = await store.read(REQUEST);
      expect(locked).toMatchObject([{ produced: 11 }]);
      expect(locked[0]?.depth).toBeUndefined();
      await backend.close();
      const role = await createRole(database, 'server');
      try {
        for (const name of ['querator_queues', 'querator_schema', 'querator_rates']) {
          await admin.query(`GRANT ALL ON ${name} TO ${role.name}`);
        }
        await admin.query(`GRANT ALL ON SEQUENCE querator_item_id TO ${role.name}`);
        store = reopened(role.connectionString);
        await store.add([{ ...COUNTS, depth: DEPTH }]);
        const { counts: refused } = await store.read(REQUEST);
        expect(refused).toMatchObject([{ produced: 12 }]);
        await backend.close();
      } finally {
        await role.drop();
      }
    });
  });

  // Without one, a publication of all tables refuses updates and removals.
  test('has a primary key, which logical replication needs', async () => {
    await backend.rateStore().add([COUNTS]);
    const { rows } = await admin.query(
      `SELECT pg_get_constraintdef(oid) AS key FROM pg_constraint
       WHERE conrelid = 'querator_rates'::regclass AND contype = 'p'`,
    );
    expect(rows).toEqual([{ key: 'PRIMARY KEY (minute, queue)' }]);
  });

  test('is read by minute and queue, however many queues there are', async () => {
    const store = backend.rateStore();
    await store.add([COUNTS]);
    await admin.query(`
      INSERT INTO querator_rates (minute, queue, produced, leased, completed, retried, dead)
      SELECT date_trunc('minute', now()) - n * interval '1 minute', 'q-' || queue, 1, 0, 0, 0, 0
      FROM generate_series(1, 60) AS n, generate_series(1, 500) AS queue`);
    await admin.query('ANALYZE querator_rates');
    const statistics = async () => {
      const { rows } = await admin.query(
        `SELECT (seq_tup_read + idx_tup_fetch)::int AS read, (idx_blks_read + idx_blks_hit)::int AS blocks
         FROM pg_stat_user_tables JOIN pg_statio_user_tables USING (relid)
         WHERE relid = 'querator_rates'::regclass`,
      );
      return rows[0] as { readonly read: number; readonly blocks: number };
    };
    // The session may report the rows that it inserted after the reset otherwise.
    await admin.query(`DO $$ BEGIN PERFORM pg_stat_force_next_flush();
      EXCEPTION WHEN undefined_function THEN NULL; END $$`);
    // The index has counters of its own.
    for (const name of ['querator_rates', 'querator_rates_pkey']) {
      await admin.query(`SELECT pg_stat_reset_single_table_counters('${name}'::regclass)`);
    }
    expect((await store.read(REQUEST)).counts).toHaveLength(1);
    // Sessions report at their end at the latest.
    await backend.close();
    await expect.poll(async () => (await statistics()).read, { timeout: 20_000 }).toBeGreaterThan(0);
    // All queues of an hour have 30,000 rows, and their index has 150 blocks.
    const { read, blocks } = await statistics();
    expect(read).toBeLessThan(100);
    expect(blocks).toBeLessThan(1_000);
  });
});
