import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { createRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'big', partition: 0 };
const TABLE = itemsTableName(KEY);
const ALL = { waiting: true, leased: true, scheduled: true };

describe('a big table', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    admin = new pg.Client({ connectionString: database.connectionString, application_name: 'admin' });
    await admin.connect();
    const backend = testBackend(database.connectionString);
    await backend.partitionStore(KEY).stats();
    await backend.close();
    // Every third item is leased, every third scheduled.
    await admin.query(
      `INSERT INTO ${TABLE} (id, is_leased, lease_deadline, expire_deadline, enqueue_at, created_at, reference)
       SELECT '0' || lpad(to_hex(n), 16, '0') || 'abcdefghij', n % 3 = 1, CASE WHEN n % 3 = 1 THEN now() + '1 h' END,
         now() + '1 h', CASE WHEN n % 3 = 2 THEN now() + '1 h' END, now(), 'r' || n
       FROM generate_series(1, 36000) AS n`,
    );
  });
  afterEach(async () => {
    await admin.end();
    await database.drop();
  });

  async function files(): Promise<number> {
    const { rows } = await admin.query(`SELECT pg_relation_filenode('${TABLE}')::int AS node`);
    return rows[0].node;
  }

  test('is cleared in parts, and only items in the given states are removed', async () => {
    const backend = testBackend(database.connectionString);
    const store = backend.partitionStore(KEY);
    expect(await store.clear({ ...ALL, leased: false })).toBe(24_000);
    expect(await store.stats()).toMatchObject({ waiting: 0, leased: 12_000, scheduled: 0 });
    await backend.close();
  });

  test('is truncated if all states are cleared', async () => {
    const backend = testBackend(database.connectionString);
    const store = backend.partitionStore(KEY);
    const before = await files();
    const clears = await Promise.all([
      store.clear(ALL),
      store.clear(ALL),
      store.lease({ limit: 1, leaseTimeout: HOUR }),
    ]);
    expect(Number(clears[0]) + Number(clears[1])).toBeGreaterThanOrEqual(36_000);
    expect(await files()).not.toBe(before);
    expect(await store.stats()).toMatchObject({ waiting: 0, leased: 0, scheduled: 0 });
    await backend.close();
  });

  test('is cleared in parts while another session reads it, and by a role without TRUNCATE', async () => {
    const role = await createRole(database, 'clearing');
    await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role.name}`);
    await admin.query(`GRANT USAGE ON SEQUENCE querator_item_id TO ${role.name}`);
    for (const { url, reads } of [
      { url: role.connectionString, reads: false },
      { url: database.connectionString, reads: true },
    ]) {
      const backend = testBackend(url);
      const store = backend.partitionStore(KEY);
      if (reads) await admin.query(`BEGIN; SELECT 1 FROM ${TABLE} LIMIT 1`);
      const expected = Object.values(await store.stats())
        .slice(0, 3)
        .reduce((sum, count) => Number(sum) + Number(count), 0);
      expect(await store.clear(ALL)).toBe(expected);
      if (reads) await admin.query('COMMIT');
      else
        await admin.query(`INSERT INTO ${TABLE} (id, expire_deadline, created_at)
        SELECT '0' || lpad(to_hex(n), 16, '0') || 'abcdefghij', now() + '1 h', now() FROM generate_series(1, 15000) AS n`);
      await backend.close();
    }
    await role.drop();
  });

  test('that was only cleared in part reports an unknown outcome', async () => {
    const backend = testBackend(database.connectionString);
    const store = backend.partitionStore(KEY);
    await admin.query(
      `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql
       AS $$ BEGIN RAISE EXCEPTION 'cannot read block' USING ERRCODE = '58030'; END $$`,
    );
    await admin.query(
      `CREATE TRIGGER fail BEFORE DELETE ON ${TABLE} FOR EACH ROW WHEN (OLD.reference = 'r30000') EXECUTE FUNCTION fail()`,
    );
    const request = { ...ALL, leased: false };
    await expect(store.clear(request)).rejects.toMatchObject({ name: 'StorageError', outcome: 'unknown' });
    await backend.close();
  });

  test('has its letters prepared, committed and aborted by their source ids, and no other item changes', async () => {
    await admin.query(`UPDATE ${TABLE} SET source_id = 's' || reference, max_attempts = -1`);
    const backend = testBackend(database.connectionString);
    const store = backend.partitionStore(KEY);
    // Every third of the existing items is a prepared letter.
    const sourceIds = Array.from({ length: 10_500 }, (_, n) => `sr${n * 3}`);
    await store.prepareLetters(
      sourceIds.map((sourceId) => ({ ...item('again'), sourceId })),
      { expireTimeout: HOUR, autoCommitTimeout: HOUR },
    );
    expect(await store.stats()).toMatchObject({ waiting: 12_000, leased: 0, scheduled: 12_000 });
    const prepared = Array.from({ length: 12_000 }, (_, n) => `sr${n * 3 + 1}`);
    expect(await store.commitLetters([...prepared.slice(0, 5_000), ...sourceIds])).toBe(5_001);
    expect(await store.abortLetters([...prepared, ...sourceIds])).toBe(7_000);
    expect(await store.stats()).toMatchObject({ waiting: 17_001, leased: 0, scheduled: 12_000 });
    await backend.close();
  });

  test('is counted with a longer time limit than that of a request', async () => {
    const backend = testBackend(database.connectionString, { timeouts: { statementMs: 500 } });
    const store = backend.partitionStore(KEY);
    await store.stats();
    await admin.query(`BEGIN; LOCK TABLE ${TABLE}`);
    const counting = store.stats();
    // Otherwise a failure before the await would be an unhandled rejection.
    counting.catch(() => {});
    await vi.waitFor(async () => {
      await admin.query('SELECT pg_stat_clear_snapshot()');
      const { rows } = await admin.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'querator'
         AND wait_event_type = 'Lock' AND clock_timestamp() - query_start > interval '800 ms'`,
      );
      expect(rows).toHaveLength(1);
    }, 10_000);
    await admin.query('ROLLBACK');
    expect((await counting).waiting).toBe(12_000);
    await backend.close();
  });

  test('of large items is leased, and its dead items are returned, in portions', async () => {
    const backend = testBackend(database.connectionString);
    const store = backend.partitionStore({ queue: 'large', partition: 0 });
    const table = itemsTableName({ queue: 'large', partition: 0 });
    const sweep = { limit: 1_000, claimTimeout: HOUR, maxAttempts: 1, dead: 'move' } as const;
    for (let n = 0; n < 4; n++) {
      await store.produce(
        [{ items: Array.from({ length: 10 }, () => ({ ...item('a'), payload: new Uint8Array(1e6) })) }],
        HOUR,
      );
    }
    expect(await store.lease({ limit: 20, leaseTimeout: HOUR })).toHaveLength(16);
    // 16 overdue leases, and 24 expired items. Each part returns 16 MB at most.
    await admin.query(
      `UPDATE ${table} SET expire_deadline = now() - interval '1 h', lease_deadline = lease_deadline - interval '1 day'`,
    );
    const found: [number, number | undefined][] = [];
    for (let n = 0; n < 3; n++) {
      const { dead, nextDueMs } = await store.sweep(sweep);
      found.push([dead.length, nextDueMs === 0 ? 0 : undefined]);
    }
    expect(found).toEqual([
      [32, 0],
      [8, undefined],
      [0, undefined],
    ]);
    await backend.close();
  });

  test('of large items that were marked as moved is swept in one call, because their content is not read', async () => {
    const backend = testBackend(database.connectionString);
    const store = backend.partitionStore({ queue: 'large', partition: 0 });
    const rules = { maxAttempts: 0, dead: 'move' } as const;
    for (let n = 0; n < 2; n++) {
      const payload = new Uint8Array(1e6);
      await store.produce([{ items: Array.from({ length: 10 }, () => ({ ...item('a'), payload })) }], HOUR);
    }
    const leased = [
      ...(await store.lease({ limit: 10, leaseTimeout: HOUR })),
      ...(await store.lease({ limit: 10, leaseTimeout: HOUR })),
    ];
    const ids = leased.map(({ id }) => id);
    await store.retry([{ items: ids.map((id) => ({ id, dead: true })) }], rules);
    await store.markMoved(ids);
    const { dead, moved, nextDueMs } = await store.sweep({ ...rules, limit: 1_000, claimTimeout: HOUR });
    expect([dead, [...moved].sort()]).toEqual([[], ids.sort()]);
    expect(nextDueMs).toBeGreaterThan(1_000_000);
    await backend.close();
  });
});
