import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'made on first use', partition: 0 };

describe('tables', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
  });
  afterEach(async () => {
    await client.end();
    await database.drop();
  });

  test('are created once if many backends start at the same moment', async () => {
    const backends = Array.from({ length: 12 }, () =>
      testBackend(database.connectionString, { maxConns: 2 }),
    );
    await Promise.all(
      backends.flatMap((backend, number) => [
        backend.partitionStore(KEY).produce([{ items: [item(`${number}`)] }], HOUR),
        backend.queueStore().get('nothing'),
      ]),
    );
    const stats = await backends[0]?.partitionStore(KEY).stats();
    expect(stats?.waiting).toBe(12);
    await Promise.all(backends.map((backend) => backend.close()));
  });

  test('are created again after a drop, also by a backend that did not drop them', async () => {
    const [one, other] = [testBackend(database.connectionString), testBackend(database.connectionString)];
    await other.partitionStore(KEY).produce([{ items: [item('old')] }], HOUR);
    await one.partitionStore(KEY).drop();
    expect(await other.partitionStore(KEY).lease({ limit: 10, leaseTimeout: HOUR })).toEqual([]);
    await one.partitionStore(KEY).produce([{ items: [item('new')] }], HOUR);
    expect((await other.partitionStore(KEY).stats()).waiting).toBe(1);
    await one.close();
    await other.close();
  });

  test('are created again after an operator dropped all of them', async () => {
    const backend = testBackend(database.connectionString);
    await backend.partitionStore(KEY).produce([{ items: [item('old')] }], HOUR);
    await client.query('DROP SCHEMA public CASCADE');
    await client.query('CREATE SCHEMA public');
    await backend.partitionStore(KEY).produce([{ items: [item('new')] }], HOUR);
    expect((await backend.partitionStore(KEY).stats()).waiting).toBe(1);
    expect(await backend.queueStore().get('nothing')).toBeUndefined();
    await backend.close();
  });

  test('are created at the next call after a failed attempt', async () => {
    await client.query('DROP SCHEMA public');
    const backend = testBackend(database.connectionString);
    const store = backend.partitionStore(KEY);
    await expect(store.stats()).rejects.toMatchObject({ name: 'StorageError', outcome: 'not-applied' });
    await client.query('CREATE SCHEMA public');
    expect(await store.stats()).toMatchObject({ waiting: 0 });
    await backend.close();
  });

  test('are in the schema that the connection string names', async () => {
    await client.query('CREATE SCHEMA mine');
    const backend = testBackend(`${database.connectionString}?options=-csearch_path%3Dmine`);
    await backend.partitionStore(KEY).produce([{ items: [item('a')] }], HOUR);
    const { rows } = await client.query(
      `SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'items_%' OR tablename LIKE 'querator_%'`,
    );
    expect(rows).toEqual([{ schemaname: 'mine' }]);
    await backend.close();
  });
});
