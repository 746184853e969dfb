import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { accessRecords } from './support/access-records.ts';
import { auditEvent, storedCalls } from './support/audit-content.ts';
import { HOUR } from './support/contents.ts';
import { createRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const QUEUE = {
  ...{ name: 'q', namespace: 'n', leaseTimeout: HOUR, expireTimeout: HOUR, deadQueue: '' },
  ...{ maxAttempts: 0, reference: '', requestedPartitions: 1, partitions: [] },
};

describe('the table of audit events', { timeout: 60_000 }, () => {
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

  const exists = async () => {
    const { rows } = await admin.query("SELECT to_regclass('querator_audit') IS NOT NULL AS exists");
    return rows[0].exists;
  };

  /** Makes one change of each kind, and drops the table before each. */
  async function changes(backend: ReturnType<typeof testBackend>, dropFirst: boolean) {
    const queues = backend.queueStore();
    const drop = async () => void (dropFirst && (await admin.query('DROP TABLE querator_audit')));
    const stored: string[] = [];
    const check = async (callId: string) => {
      expect((await storedCalls(backend.auditStore()))[0]).toBe(callId);
      stored.push(callId);
    };
    await drop();
    const { createdAt } = await queues.create(QUEUE, undefined, () => auditEvent('create'));
    await check('create');
    await drop();
    await queues.update(
      'q',
      (queue) => queue,
      '',
      () => auditEvent('update'),
    );
    await check('update');
    await drop();
    await queues.delete('q', createdAt, undefined, () => auditEvent('delete'));
    await check('delete');
    await drop();
    const { user } = accessRecords();
    await backend.accessStore().change(
      (transaction) => transaction.addUser(user),
      () => auditEvent('user'),
    );
    await check('user');
    await drop();
    await backend.auditStore().append([auditEvent('append')]);
    await check('append');
    await drop();
    expect(await backend.auditStore().prune(HOUR, 10)).toBe(0);
    return stored;
  }

  test('is created by the first event, and not by changes without one', async () => {
    const backend = backendOn();
    await backend.queueStore().create(QUEUE);
    await backend.accessStore().change((transaction) => transaction.addUser(accessRecords().user));
    expect(await exists()).toBe(false);
    await backend.queueStore().update(
      'q',
      (queue) => queue,
      '',
      () => auditEvent('first'),
    );
    expect(await exists()).toBe(true);
    expect(await storedCalls(backendOn().auditStore())).toEqual(['first']);
  });

  test('is created by the first change of access with an event', async () => {
    const backend = backendOn();
    const { user } = accessRecords();
    await backend.accessStore().change(
      (transaction) => transaction.addUser(user),
      () => auditEvent('first'),
    );
    expect(await storedCalls(backend.auditStore())).toEqual(['first']);
  });

  test('leaves the version of the schema as it is', async () => {
    const versions = async () => (await admin.query('SELECT version FROM querator_schema')).rows;
    const backend = backendOn();
    await backend.queueStore().get('nothing');
    const before = await versions();
    await backend.auditStore().append([auditEvent('a')]);
    expect(await versions()).toEqual(before);
  });

  test('is created again when it was dropped', async () => {
    const backend = backendOn();
    await backend.auditStore().append([auditEvent('a')]);
    await changes(backend, true);
  });

  test('is created once when many backends start at the same moment', async () => {
    const calls = Array.from({ length: 8 }, (_, number) => `call-${number}`);
    await Promise.all(
      calls.map((call) =>
        backendOn()
          .auditStore()
          .append([auditEvent(call)]),
      ),
    );
    expect([...(await storedCalls(backendOn().auditStore()))].sort()).toEqual(calls);
  });

  // Nobody else can make this table refuse rows: it is the server's own.
  describe('that refuses events', () => {
    beforeEach(async () => {
      await backendOn()
        .auditStore()
        .append([auditEvent('a')]);
      await admin.query('ALTER TABLE querator_audit ADD CONSTRAINT full_up CHECK (false) NOT VALID');
    });

    const refused = { name: 'StorageError', outcome: 'not-applied' };

    test.each(['', 'dead'])('lets no queue be created (dead-letter queue: "%s")', async (deadQueue) => {
      const queues = backendOn().queueStore();
      await queues.create({ ...QUEUE, name: 'dead' });
      const create = queues.create({ ...QUEUE, deadQueue }, undefined, () => auditEvent('b'));
      await expect(create).rejects.toMatchObject(refused);
      expect(await queues.get('q')).toBeUndefined();
    });

    test('lets no queue be changed or deleted', async () => {
      const queues = backendOn().queueStore();
      const stored = await queues.create(QUEUE);
      const audit = () => auditEvent('b');
      const update = queues.update('q', (queue) => ({ ...queue, reference: 'x' }), '', audit);
      await expect(update).rejects.toMatchObject(refused);
      for (const check of [undefined, () => {}]) {
        await expect(queues.delete('q', stored.createdAt, check, audit)).rejects.toMatchObject(refused);
      }
      expect(await queues.get('q')).toEqual(stored);
      expect(await queues.wasDeleted('q', stored.createdAt)).toBe(false);
    });

    test('lets nothing of access be changed', async () => {
      const access = backendOn().accessStore();
      const before = await access.generation();
      const { user } = accessRecords();
      const change = access.change(
        (transaction) => transaction.addUser(user),
        () => auditEvent('b'),
      );
      await expect(change).rejects.toMatchObject(refused);
      expect(await access.user(user.id)).toBeUndefined();
      expect(await access.generation()).toBe(before);
    });
  });

  test('can be used by a role that may not create tables, and an error names a missing grant', async () => {
    const role = await createRole(database, 'user');
    await backendOn()
      .auditStore()
      .append([auditEvent('a')]);
    await backendOn().accessStore().generation();
    await admin.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role.name}`);
    await admin.query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role.name}`);
    // The table of deletions is created by the first one.
    await backendOn().queueStore().delete('nothing');
    await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role.name}`);
    expect(await changes(backendOn(role.connectionString), false)).toHaveLength(5);
    await admin.query(`REVOKE INSERT ON querator_audit FROM ${role.name}`);
    const queues = backendOn(role.connectionString).queueStore();
    await expect(queues.create(QUEUE, undefined, () => auditEvent('b'))).rejects.toMatchObject({
      message: expect.stringContaining(`missing: GRANT INSERT ON TABLE querator_audit TO ${role.name}`),
    });
    for (const backend of open.splice(0)) await backend.close();
    await role.drop();
  });

  test('of another role is refused', async () => {
    const mallory = await createRole(database, 'mallory');
    const server = await createRole(database, 'server');
    await backendOn().queueStore().get('nothing');
    await admin.query(`GRANT CREATE ON SCHEMA public TO PUBLIC`);
    await admin.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${server.name}`);
    const planting = new pg.Client(mallory.connectionString);
    await planting.connect();
    await planting.query('CREATE TABLE querator_audit (at timestamptz)');
    await expect(
      backendOn(server.connectionString)
        .auditStore()
        .append([auditEvent('a')]),
    ).rejects.toThrow(
      /table querator_audit belongs to role ".*mallory", which could change or remove events/,
    );
    await planting.end();
    for (const backend of open.splice(0)) await backend.close();
    await mallory.drop();
    await server.drop();
  });
});
