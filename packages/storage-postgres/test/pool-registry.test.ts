import type { LogFields, Logger } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { itemsTableName, PoolRegistry } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'pools', partition: 0 };
const LEASE = { limit: 1, leaseTimeout: HOUR };

describe('connection pools', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    admin = new pg.Client({ connectionString: database.connectionString, application_name: 'admin' });
    await admin.connect();
  });
  afterEach(async () => {
    await admin.end();
    await database.drop();
  });

  /** The application names of the connections to the database, without our own. */
  async function applications(): Promise<readonly string[]> {
    const { rows } = await admin.query(
      `SELECT application_name FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    );
    return rows.map((row) => row.application_name);
  }

  const gone = () => vi.waitFor(async () => expect(await applications()).toEqual([]));

  test('do not connect before the first call', async () => {
    const registry = new PoolRegistry();
    const backend = testBackend(database.connectionString, { registry });
    backend.queueStore();
    backend.partitionStore(KEY);
    expect(registry.states()).toMatchObject([{ open: 0 }]);
    expect(await applications()).toEqual([]);
    await backend.close();
  });

  test('are shared by all backends with one string, with the largest max-conns, until the last backend closes', async () => {
    const registry = new PoolRegistry();
    const small = testBackend(database.connectionString, { registry, maxConns: 1 });
    await small.partitionStore(KEY).stats();
    const large = testBackend(database.connectionString, { registry, maxConns: 3, name: 'other' });
    const calls = [small, large].flatMap((backend) =>
      Array.from({ length: 40 }, () => backend.partitionStore(KEY).produce([{ items: [item('a')] }], HOUR)),
    );
    await Promise.all(calls);
    expect(registry.states()).toMatchObject([{ maxConns: 3, open: 3, idle: 3, waiting: 0 }]);
    expect(await applications()).toEqual(['querator', 'querator', 'querator']);

    await large.close();
    expect((await small.partitionStore(KEY).stats()).waiting).toBe(80);
    await small.close();
    expect(registry.states()).toEqual([]);
    await gone();
  });

  test('are separate for different strings, and show the application name of each', async () => {
    const registry = new PoolRegistry();
    const strings = [database.connectionString, `${database.connectionString}?application_name=orders`];
    const backends = strings.map((string) => testBackend(string, { registry, maxConns: 1 }));
    for (const backend of backends) await backend.partitionStore(KEY).stats();
    expect([...(await applications())].sort()).toEqual(['orders', 'querator']);
    for (const backend of backends) await backend.close();
    await gone();
  });

  test.each([
    ['?pool_max_conns=2', undefined, 2],
    ['?pool_max_conns=2', 7, 7],
    ['', 7, 7],
  ])('with %j in the string and max-conns %s: %i connections at most', async (query, maxConns, expected) => {
    const registry = new PoolRegistry();
    const backend = testBackend(`${database.connectionString}${query}`, { registry, maxConns });
    expect(registry.states()).toMatchObject([{ maxConns: expected }]);
    const store = backend.partitionStore(KEY);
    await Promise.all(Array.from({ length: 50 }, () => store.lease(LEASE)));
    expect((await applications()).length).toBeLessThanOrEqual(expected);
    await backend.close();
  });

  test('replace killed connections', async () => {
    const registry = new PoolRegistry();
    const backend = testBackend(database.connectionString, { registry, maxConns: 2 });
    const store = backend.partitionStore(KEY);
    await Promise.all([store.stats(), store.stats()]);
    await vi.waitFor(() => expect(registry.states()).toMatchObject([{ idle: 2 }]));
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'querator'`,
    );
    await vi.waitFor(() => expect(registry.states()).toMatchObject([{ open: 0 }]));
    await store.produce([{ items: [item('a')] }], HOUR);
    expect(await store.lease(LEASE)).toHaveLength(1);
    await backend.close();
  });

  test('that stay busy for too long fail the call and log it', async () => {
    const errors: string[] = [];
    const silent = () => {};
    const logger: Logger = { debug: silent, info: silent, warn: silent, error: (text) => errors.push(text) };
    const backend = testBackend(database.connectionString, {
      logger,
      maxConns: 1,
      timeouts: { acquireMs: 200 },
    });
    const store = backend.partitionStore(KEY);
    await store.stats();
    await admin.query('BEGIN');
    await admin.query(`LOCK TABLE ${itemsTableName(KEY)}`);
    const first = store.produce([{ items: [item('a')] }], HOUR);
    const second = store.lease(LEASE);
    await expect(second).rejects.toMatchObject({ name: 'StorageError', outcome: 'not-applied' });
    expect(errors).toEqual(['failed to acquire connection: all connections in pool are busy']);
    await admin.query('ROLLBACK');
    await first;
    expect(await store.lease(LEASE)).toHaveLength(1);
    await backend.close();
  });

  test('share the existing connections if the server allows fewer than the pool', async () => {
    const warnings: string[] = [];
    const silent = () => {};
    const warn = (text: string, fields?: LogFields) => void warnings.push(`${text}: ${fields?.['reason']}`);
    const role = `${database.name}_few`;
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'few' CONNECTION LIMIT 2`);
    await admin.query(`GRANT CREATE ON SCHEMA public TO ${role}`);
    const url = new URL(database.connectionString);
    const backend = testBackend(`postgres://${role}:few@${url.host}/${database.name}`, {
      logger: { debug: silent, info: silent, warn, error: silent },
      maxConns: 6,
    });
    const store = backend.partitionStore(KEY);
    await store.stats();
    const produces = Array.from({ length: 60 }, () => store.produce([{ items: [item('a')] }], HOUR));
    for (const [outcome] of await Promise.all(produces)) expect(outcome?.ok).toBe(true);
    // The refusal may come after the last answer.
    await vi.waitFor(() =>
      expect(warnings).toContain(
        `connection to PostgreSQL was not opened: too many connections for role "${role}"`,
      ),
    );
    await backend.close();
    await admin.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
  });

  test('close once running calls have ended', async () => {
    const backend = testBackend(database.connectionString);
    const store = backend.partitionStore(KEY);
    await store.stats();
    const producing = store.produce([{ items: [item('a')] }], HOUR);
    await backend.close();
    expect((await producing)[0]?.ok).toBe(true);
    await gone();
  });

  test('accept an unencrypted server if the string does not require TLS', async () => {
    for (const query of ['', '?sslmode=prefer', '?sslmode=allow', '?sslmode=disable']) {
      const backend = testBackend(`${database.connectionString}${query}`);
      expect((await backend.partitionStore(KEY).stats()).waiting).toBe(0);
      await backend.close();
    }
    const backend = testBackend(`${database.connectionString}?sslmode=require`);
    await expect(backend.partitionStore(KEY).stats()).rejects.toThrow('does not support SSL');
    await backend.close();
  });
});
