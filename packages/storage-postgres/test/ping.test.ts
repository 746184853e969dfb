import { createTestDatabase, startTemporaryCluster, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testBackend } from './support/test-backend.ts';

/** Every open transaction is reported. */
const AT_ONCE = { timeouts: { heldHorizonMs: 0 } };

describe('ping', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let other: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    other = new pg.Client({ connectionString: database.connectionString, application_name: 'nightly dump' });
    await other.connect();
  });
  afterEach(async () => {
    await other.end();
    await database.drop();
  });

  test('names the session that keeps dead rows, and how long', async () => {
    const backend = testBackend(database.connectionString, AT_ONCE);
    expect(await backend.ping()).toEqual([]);
    await other.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    const { rows } = await other.query('SELECT pg_backend_pid() AS pid');
    const [notice] = await backend.ping();
    expect(notice?.kind).toBe('held-horizon');
    expect(notice?.text).toMatch(
      new RegExp(
        `^dead rows are kept by session ${rows[0].pid} \\(nightly dump, .*idle in transaction\\), for \\d+ s$`,
      ),
    );
    expect(notice?.seconds).toBeGreaterThan(0);
    await other.query('COMMIT');
    expect(await backend.ping()).toEqual([]);
    await backend.close();
  });

  test('does not report transactions that have just begun', async () => {
    const backend = testBackend(database.connectionString);
    await other.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await other.query('SELECT 1');
    expect(await backend.ping()).toEqual([]);
    await backend.close();
  });

  test('fails on a server that accepts no writes', async () => {
    await other.query(`ALTER DATABASE ${database.name} SET default_transaction_read_only = on`);
    const backend = testBackend(database.connectionString);
    await expect(backend.ping()).rejects.toMatchObject({ name: 'StorageError', outcome: 'not-applied' });
    await expect(backend.ping()).rejects.toThrow('the server takes no writes');
    await backend.close();
  });

  test('names a prepared transaction', async () => {
    const cluster = await startTemporaryCluster({
      volatile: true,
      settings: { max_prepared_transactions: '5' },
    });
    const client = new pg.Client(cluster.connectionString());
    await client.connect();
    await client.query('BEGIN');
    await client.query('CREATE TABLE forgotten (n int)');
    await client.query("PREPARE TRANSACTION 'lost one'");
    const backend = testBackend(cluster.connectionString(), AT_ONCE);
    const [notice] = await backend.ping();
    expect(notice?.text).toMatch(/^dead rows are kept by prepared transaction 'lost one', for \d+ s$/);
    expect(notice).toMatchObject({ holder: 'prepared-transaction', transactions: expect.any(Number) });
    // Of several kinds the worst of each. The one that lasts longest comes first.
    const reader = new pg.Client(cluster.connectionString());
    await reader.connect();
    for (const session of [reader, client]) {
      await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await session.query('SELECT txid_current()');
    }
    const notices = await backend.ping();
    expect(notices.map(({ holder }) => holder)).toEqual(['prepared-transaction', 'session']);
    await reader.end();
    await backend.close();
    await client.end();
    await cluster.stop();
  });
});
