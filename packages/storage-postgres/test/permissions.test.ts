import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HOUR, item } from './support/contents.ts';
import { createRole, type TestRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'my-queue', partition: 0 };
const TABLE = 'items_255436d8bdc5_000000';

describe('rights', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  let role: TestRole;

  beforeEach(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
    role = await createRole(database, 'user');
    // The default from PostgreSQL 15 on. Before that, every role had the right.
    await client.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
  });
  afterEach(async () => {
    await client.end();
    await role.drop();
    await database.drop();
  });

  /** Everything that a server does in the life of a queue. */
  async function useEverything(): Promise<void> {
    const backend = testBackend(role.connectionString);
    try {
      const store = backend.partitionStore(KEY);
      expect(await backend.queueStore().get('nothing')).toBeUndefined();
      await store.produce([{ items: [item('a'), item('b')] }], HOUR);
      const [leased] = await store.lease({ limit: 1, leaseTimeout: HOUR });
      await store.complete([{ ids: [leased?.id ?? ''] }]);
      await store.prepareLetters([{ ...item('c'), sourceId: 'c' }], {
        expireTimeout: HOUR,
        autoCommitTimeout: HOUR,
      });
      await store.commitLetters(['c']);
      await store.abortLetters(['c']);
      await store.markMoved(['c']);
      await store.stats();
      await store.clear({ waiting: true, leased: true, scheduled: true });
    } finally {
      await backend.close();
    }
  }

  /** Creates the tables as another role, for example the database's owner. */
  async function othersTables(): Promise<void> {
    const backend = testBackend(database.connectionString);
    await backend.partitionStore(KEY).stats();
    await backend.close();
  }

  /** The documented grants, on tables that another role has created. */
  async function grantAll(): Promise<void> {
    await client.query(`GRANT CREATE ON DATABASE ${database.name} TO ${role.name}`);
    await client.query(`GRANT CREATE ON SCHEMA public TO ${role.name}`);
    await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role.name}`);
    await client.query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role.name}`);
  }

  test('as documented are enough in a database of another user', async () => {
    await grantAll();
    await useEverything();
    const backend = testBackend(role.connectionString);
    await backend.partitionStore(KEY).drop();
    await backend.close();
  });

  test('as documented are enough on tables that another user has created', async () => {
    await othersTables();
    await grantAll();
    await useEverything();
  });

  test.each([
    ['SELECT', 'TABLE', TABLE],
    ['INSERT', 'TABLE', TABLE],
    ['UPDATE', 'TABLE', TABLE],
    ['DELETE', 'TABLE', TABLE],
    ['SELECT', 'TABLE', 'querator_schema'],
    ['SELECT', 'TABLE', 'querator_queues'],
    ['USAGE', 'SEQUENCE', 'querator_item_id'],
  ])('that lack %s on the %s %s: the error names the grant', async (right, kind, name) => {
    await othersTables();
    await grantAll();
    await client.query(`REVOKE ${right} ON ${kind} ${name} FROM ${role.name}`);
    await expect(useEverything()).rejects.toMatchObject({
      name: 'StorageError',
      outcome: 'not-applied',
      sqlState: '42501',
      message: `storage 'postgres-01': permission denied for ${kind.toLowerCase()} ${name} (SQLSTATE 42501); missing: GRANT ${right} ON ${kind} ${name} TO ${role.name}`,
    });
    await client.query(`GRANT ${right} ON ${kind} ${name} TO ${role.name}`);
    await useEverything();
  });

  test('that lack CREATE on the schema: the error names the grant, and no restart is needed afterwards', async () => {
    const backend = testBackend(role.connectionString);
    const store = backend.partitionStore(KEY);
    await expect(store.stats()).rejects.toThrow(
      `permission denied for schema public (SQLSTATE 42501); missing: GRANT CREATE ON SCHEMA public TO ${role.name}`,
    );
    await client.query(`GRANT CREATE ON SCHEMA public TO ${role.name}`);
    expect(await store.stats()).toMatchObject({ waiting: 0 });
    await backend.close();
  });

  test('that lack CREATE on the schema are enough once all tables exist', async () => {
    await othersTables();
    await grantAll();
    await client.query(`REVOKE CREATE ON SCHEMA public FROM ${role.name}`);
    await useEverything();
    // Not even to record the version of a database that has none yet.
    await client.query('DROP TABLE querator_schema');
    await useEverything();
  });

  test('that lack USAGE on the schema: the error names the grant', async () => {
    await client.query('REVOKE ALL ON SCHEMA public FROM PUBLIC');
    const missing = `missing: GRANT USAGE ON SCHEMA public TO ${role.name}; GRANT CREATE ON SCHEMA public TO ${role.name}`;
    await expect(useEverything()).rejects.toThrow(missing);
  });

  test('that lack CONNECT on the database: the error names the grant', async () => {
    await client.query(`REVOKE CONNECT ON DATABASE ${database.name} FROM PUBLIC`);
    await expect(useEverything()).rejects.toThrow('missing: GRANT CONNECT ON DATABASE');
  });

  test('to drop a table belong to its owner only', async () => {
    await othersTables();
    await grantAll();
    const backend = testBackend(role.connectionString);
    await expect(backend.partitionStore(KEY).drop()).rejects.toThrow(`must be owner of table ${TABLE}`);
    await backend.close();
  });
});
