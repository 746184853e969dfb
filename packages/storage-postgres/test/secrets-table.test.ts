import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

describe('the table of secrets', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;
  const open: ReturnType<typeof testBackend>[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    admin = new pg.Client(database.connectionString);
    await admin.connect();
  });
  afterEach(async () => {
    for (const backend of open.splice(0)) await backend.close();
    await admin.end();
    await database.drop();
  });

  function storeOn(connectionString = database.connectionString) {
    const backend = testBackend(connectionString, { maxConns: 2 });
    open.push(backend);
    return backend.accessStore();
  }

  test('is created by the first key of sessions, and not by the rest of access control', async () => {
    const store = storeOn();
    const exists = async () =>
      (await admin.query(`SELECT FROM pg_tables WHERE tablename = 'querator_secrets'`)).rowCount === 1;
    await store.generation();
    expect(await exists()).toBe(false);
    expect(await store.sessionKey('a')).toBe('a');
    expect(await exists()).toBe(true);
    expect(await storeOn().sessionKey('b')).toBe('a');
    await admin.query('DROP TABLE querator_secrets');
    expect(await store.sessionKey('c')).toBe('c');
  });

  // Without one, a publication of all tables refuses updates and removals.
  test('has a primary key, which logical replication needs', async () => {
    await storeOn().sessionKey('a');
    const { rows } = await admin.query(
      `SELECT pg_get_constraintdef(oid) AS key FROM pg_constraint
       WHERE conrelid = 'querator_secrets'::regclass AND contype = 'p'`,
    );
    expect(rows).toEqual([{ key: 'PRIMARY KEY (name)' }]);
  });

  test('is not used if another role owns it, which could read and forge sessions', async () => {
    const role = await createRole(database, 'mallory');
    const server = await createRole(database, 'server');
    await admin.query(`GRANT CREATE ON SCHEMA public TO ${server.name}, ${role.name}`);
    await storeOn(server.connectionString).generation();
    await admin.query('CREATE TABLE querator_secrets (name text PRIMARY KEY, value text NOT NULL)');
    await admin.query(`ALTER TABLE querator_secrets OWNER TO ${role.name}`);
    await admin.query(`GRANT ALL ON querator_secrets TO ${server.name}`);
    await expect(storeOn(server.connectionString).sessionKey('a')).rejects.toThrow(
      'could read and forge sessions',
    );
    for (const backend of open.splice(0)) await backend.close();
    await role.drop();
    await server.drop();
  });
});
