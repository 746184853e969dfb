import type { InstanceRecord } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRole, type TestRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const RECORD: InstanceRecord = { id: 'a', name: 'host/1', version: '1', storages: [], capabilities: ['x'] };

describe('the table of the processes', { timeout: 60_000 }, () => {
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

  function backendOn(connectionString = database.connectionString) {
    const backend = testBackend(connectionString, { maxConns: 2 });
    open.push(backend);
    return backend;
  }

  const tables = async () => {
    const { rows } = await admin.query(
      `SELECT schemaname FROM pg_tables WHERE tablename = 'querator_instances'`,
    );
    return rows.map(({ schemaname }) => schemaname);
  };

  test('is created by the first heartbeat, and not by queues', async () => {
    const backend = backendOn();
    await backend.queueStore().get('nothing');
    expect(await tables()).toEqual([]);
    await backend.instanceStore().beat(RECORD);
    expect(await tables()).toEqual(['public']);
    await admin.query('DROP TABLE querator_instances');
    expect((await backend.instanceStore().beat(RECORD)).instances).toMatchObject([RECORD]);
  });

  test('stands in the schema of the queues', async () => {
    await admin.query('CREATE SCHEMA apart');
    const url = new URL(database.connectionString);
    url.searchParams.set('search_path', 'apart, public');
    await backendOn(url.href).instanceStore().beat(RECORD);
    expect(await tables()).toEqual(['apart']);
  });

  test('is created once when many processes start at the same moment', async () => {
    const ids = Array.from({ length: 8 }, (_, number) => `process-${number}`);
    await Promise.all(
      ids.map((id) =>
        backendOn()
          .instanceStore()
          .beat({ ...RECORD, id }),
      ),
    );
    const { instances } = await backendOn()
      .instanceStore()
      .beat({ ...RECORD, id: 'process-0' });
    expect(instances.map(({ id }) => id).sort()).toEqual(ids);
  });

  test('is read by the clock of the database', async () => {
    const store = backendOn().instanceStore();
    await store.beat(RECORD);
    const shift = (by: string) =>
      admin.query(`UPDATE querator_instances SET heartbeat_at = heartbeat_at - $1::interval WHERE id = 'a'`, [
        by,
      ]);
    const seen = async () => (await store.beat({ ...RECORD, id: 'b' })).instances.map(({ id }) => id);
    await shift('15 seconds');
    expect(await seen()).toEqual(['a', 'b']);
    await shift('6 seconds');
    expect(await seen()).toEqual(['b']);
  });

  test('may hold records of a later version', async () => {
    const store = backendOn().instanceStore();
    await store.beat(RECORD);
    await admin.query(
      `INSERT INTO querator_instances SELECT 'later', started_at, heartbeat_at, '{"new": 1}' FROM querator_instances`,
    );
    const { instances } = await store.beat(RECORD);
    expect(instances.find(({ id }) => id === 'later')).toMatchObject({
      name: '',
      version: '',
      capabilities: [],
    });
  });

  test('waits for no other session', async () => {
    const store = backendOn().instanceStore();
    await store.beat(RECORD);
    await store.beat({ ...RECORD, id: 'old' });
    await admin.query(
      `UPDATE querator_instances SET heartbeat_at = heartbeat_at - interval '2 hours' WHERE id = 'old'`,
    );
    await admin.query('BEGIN');
    await admin.query(`SELECT FROM querator_instances WHERE id = 'old' FOR UPDATE`);
    expect((await store.beat(RECORD)).instances).toHaveLength(1);
    await admin.query('COMMIT');
    await store.beat(RECORD);
    expect((await admin.query('SELECT id FROM querator_instances')).rows).toEqual([{ id: 'a' }]);
  });

  describe('with few rights', () => {
    let role: TestRole;
    beforeEach(async () => {
      role = await createRole(database, 'user');
      await admin.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
      await backendOn().queueStore().get('nothing');
    });
    afterEach(async () => {
      for (const backend of open.splice(0)) await backend.close();
      await role.drop();
    });

    test('is refused by name, while queues are served', async () => {
      await admin.query(
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role.name};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role.name}`,
      );
      const backend = backendOn(role.connectionString);
      await expect(backend.instanceStore().beat(RECORD)).rejects.toThrow(
        `GRANT CREATE ON SCHEMA public TO ${role.name}`,
      );
      expect(await backend.queueStore().get('nothing')).toBeUndefined();
      // As soon as somebody else has created the table, it is used.
      await backendOn()
        .instanceStore()
        .beat({ ...RECORD, id: 'b' });
      await expect(backend.instanceStore().beat(RECORD)).rejects.toThrow(
        `GRANT SELECT ON TABLE querator_instances TO ${role.name}`,
      );
      await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON querator_instances TO ${role.name}`);
      expect((await backend.instanceStore().beat(RECORD)).instances).toHaveLength(2);
    });

    test('of another role is not believed', async () => {
      await backendOn().instanceStore().beat(RECORD);
      await admin.query(`ALTER TABLE querator_instances OWNER TO ${role.name}`);
      await admin.query('ALTER SCHEMA public OWNER TO CURRENT_USER');
      const backend = backendOn();
      await expect(backend.instanceStore().beat(RECORD)).rejects.toThrow('could make this server believe');
      await admin.query('ALTER TABLE querator_instances OWNER TO CURRENT_USER');
    });
  });
});
