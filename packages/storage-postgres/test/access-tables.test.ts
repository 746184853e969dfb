import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ACCESS } from '../src/schema/separate-tables.ts';
import { accessRecords, useAllOfAccess } from './support/access-records.ts';
import { createRole, type TestRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const { user } = accessRecords();

describe('the tables of access control', { timeout: 60_000 }, () => {
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

  /** The names of our tables that exist, in all schemas. */
  async function existing(): Promise<readonly string[]> {
    const { rows } = await admin.query<{ name: string }>(
      `SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE tablename = ANY ($1)`,
      [ACCESS.relations],
    );
    return rows.map(({ name }) => name).sort();
  }

  const inSchema = (schema: string) => ACCESS.relations.map((name) => `${schema}.${name}`).sort();

  test('are created by the first use of the store, and not by queues', async () => {
    const store = storeOn();
    await open[0]?.queueStore().get('nothing');
    expect(await existing()).toEqual([]);
    expect(await store.generation()).toBe(0);
    expect(await existing()).toEqual(inSchema('public'));
  });

  test('leave the version of the schema as it is', async () => {
    const versions = async () => (await admin.query('SELECT version FROM querator_schema')).rows;
    const store = storeOn();
    await open[0]?.queueStore().get('nothing');
    const before = await versions();
    await useAllOfAccess(store);
    expect(await versions()).toEqual(before);
  });

  test('are created once when many backends start at the same moment', async () => {
    const names = Array.from({ length: 8 }, (_, number) => `user-${number}`);
    await Promise.all(
      names.map((name) => storeOn().change((transaction) => transaction.addUser(accessRecords(name).user))),
    );
    const users = await storeOn().users({ pivot: '', limit: 100 });
    expect(users.map(({ id }) => id)).toEqual(names);
    expect(await storeOn().generation()).toBe(8);
  });

  test('stand in the schema of the queues', async () => {
    await admin.query('CREATE SCHEMA apart');
    const url = new URL(database.connectionString);
    url.searchParams.set('search_path', 'apart, public');
    await useAllOfAccess(storeOn(url.href));
    expect(await existing()).toEqual(inSchema('apart'));
  });

  test('are created again when they were dropped', async () => {
    const store = storeOn();
    await store.change((transaction) => transaction.addUser(user));
    for (const table of ACCESS.relations) {
      await admin.query(`DROP TABLE ${table}`);
      await useAllOfAccess(store, `after ${table}`);
    }
    await admin.query('DROP SCHEMA public CASCADE');
    await admin.query('CREATE SCHEMA public');
    await useAllOfAccess(store);
  });

  test('work without the row of the state, which a change brings back', async () => {
    const store = storeOn();
    await store.change((transaction) => transaction.addUser(user));
    await admin.query('TRUNCATE querator_access_state');
    expect(await store.generation()).toBe(0);
    expect(await store.grants({ userId: user.id })).toMatchObject({ generation: 0, user });
    await Promise.all(
      ['b', 'c'].map((name) =>
        storeOn().change((transaction) => transaction.addUser(accessRecords(name).user)),
      ),
    );
    expect(await store.generation()).toBe(2);
  });

  describe('with few rights', () => {
    let role: TestRole;

    beforeEach(async () => {
      role = await createRole(database, 'user');
      await admin.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
      await storeOn().generation();
    });
    afterEach(async () => {
      for (const backend of open.splice(0)) await backend.close();
      await role.drop();
    });

    const grantTables = async () => {
      await admin.query(
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role.name}`,
      );
      await admin.query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role.name}`);
    };

    test('can be used by a role that may not create tables', async () => {
      await grantTables();
      await useAllOfAccess(storeOn(role.connectionString));
    });

    test('cannot be created without CREATE, and the error names the grant', async () => {
      await grantTables();
      await admin.query('DROP TABLE querator_roles');
      const store = storeOn(role.connectionString);
      await expect(store.generation()).rejects.toMatchObject({
        name: 'StorageError',
        outcome: 'not-applied',
        message: expect.stringContaining(`missing: GRANT CREATE ON SCHEMA public TO ${role.name}`),
      });
      await admin.query(`GRANT CREATE ON SCHEMA public TO ${role.name}`);
      await useAllOfAccess(store);
    });

    test('that were used are part of a ping, and others are not', async () => {
      await grantTables();
      await admin.query(`REVOKE SELECT ON querator_users FROM ${role.name}`);
      const backend = testBackend(role.connectionString);
      open.push(backend);
      await backend.queueStore().get('nothing');
      expect(await backend.ping()).toMatchObject([{ kind: 'missing-right' }]);
      await backend.accessStore().generation();
      await expect(backend.ping()).rejects.toThrow(
        `rights are missing: GRANT SELECT ON TABLE querator_users TO ${role.name}`,
      );
      await admin.query(`GRANT SELECT ON querator_users TO ${role.name}`);
      expect(await backend.ping()).toMatchObject([{ kind: 'missing-right' }]);
    });

    const rights = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];
    const needed = ACCESS.relations.flatMap((table) => rights.map((right) => [right, table] as const));
    // the row of the state is never removed, and neither a user nor a binding is updated
    const unneeded = [
      'DELETE querator_access_state',
      'UPDATE querator_users',
      'UPDATE querator_role_bindings',
    ];
    test.each(needed.filter((each) => !unneeded.includes(each.join(' '))))(
      'cannot be used without %s on %s, and the error names the grant',
      async (right, table) => {
        await grantTables();
        await admin.query(`REVOKE ${right} ON ${table} FROM ${role.name}`);
        const store = storeOn(role.connectionString);
        await expect(useAllOfAccess(store)).rejects.toMatchObject({
          name: 'StorageError',
          outcome: 'not-applied',
          sqlState: '42501',
          message: expect.stringContaining(`missing: GRANT ${right} ON TABLE ${table} TO ${role.name}`),
        });
      },
    );
  });

  describe('of another role', () => {
    let server: TestRole;
    let mallory: TestRole;
    let planting: pg.Client;

    beforeEach(async () => {
      server = await createRole(database, 'server');
      mallory = await createRole(database, 'mallory');
      planting = new pg.Client(mallory.connectionString);
      await planting.connect();
      await admin.query('GRANT CREATE ON SCHEMA public TO PUBLIC');
    });
    afterEach(async () => {
      for (const backend of open.splice(0)) await backend.close();
      await planting.end();
      await server.drop();
      await mallory.drop();
    });

    test.each(ACCESS.relations)('are refused, as that role could write to them: %s', async (table) => {
      await planting.query(`CREATE TABLE ${table} (id text)`);
      await planting.query(`GRANT ALL ON ${table} TO PUBLIC`);
      await expect(storeOn(server.connectionString).generation()).rejects.toMatchObject({
        name: 'StorageError',
        outcome: 'not-applied',
        message: expect.stringContaining(
          `table ${table} belongs to role "${mallory.name}", which could give itself every right`,
        ),
      });
      expect(await existing()).toEqual([`public.${table}`]);
    });

    test('are used if that role owns the database, or is a superuser', async () => {
      await storeOn(mallory.connectionString).generation();
      await admin.query(
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${server.name}`,
      );
      await admin.query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${server.name}`);
      const store = storeOn(server.connectionString);
      await expect(store.generation()).rejects.toThrow('which could give itself every right');
      await admin.query(`ALTER DATABASE ${database.name} OWNER TO ${mallory.name}`);
      await useAllOfAccess(store);
      await admin.query(`ALTER DATABASE ${database.name} OWNER TO CURRENT_USER`);
      for (const table of ACCESS.relations) await admin.query(`ALTER TABLE ${table} OWNER TO CURRENT_USER`);
      await useAllOfAccess(storeOn(server.connectionString));
    });

    test('are refused if they run code of theirs', async () => {
      await storeOn(server.connectionString).generation();
      await planting.query(
        `CREATE FUNCTION listen() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$`,
      );
      await admin.query(`GRANT TRIGGER ON querator_users TO ${mallory.name}`);
      await planting.query(
        'CREATE TRIGGER spy BEFORE INSERT ON querator_users FOR EACH ROW EXECUTE FUNCTION listen()',
      );
      await expect(storeOn(server.connectionString).generation()).rejects.toThrow(
        `the trigger "spy" of table querator_users uses the function public.listen() of role "${mallory.name}"`,
      );
    });

    test('do not lend their indexes, which would keep nothing unique', async () => {
      await planting.query('CREATE TABLE other (username text)');
      await planting.query('CREATE INDEX querator_users_username ON other (username)');
      await expect(storeOn(server.connectionString).generation()).rejects.toThrow('already exists');
      expect(await existing()).toEqual([]);
    });
  });
});
