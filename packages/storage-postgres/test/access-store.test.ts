import type { AccessTransaction, Instant } from '@querator/core';
import { createTestDatabase, startFaultProxy, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { accessRecords, useAllOfAccess } from './support/access-records.ts';
import { SharingPooler } from './support/sharing-pooler.ts';
import { testBackend } from './support/test-backend.ts';

const { namespace, user, apiKey, role, binding } = accessRecords();
const LACKS = 'has a character that the storage cannot hold';
/** PostgreSQL takes no U+0000, and malformed UTF-16 has no bytes of its own. */
const UNSTORABLE = ['a\0b', 'a\ud800b', 'a\udc00b'];

describe('the access store on PostgreSQL', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;
  const cleanups: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    admin = new pg.Client(database.connectionString);
    await admin.connect();
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    await admin.end();
    await database.drop();
  });

  function storeOn(
    connectionString = database.connectionString,
    options: Parameters<typeof testBackend>[1] = {},
  ) {
    const backend = testBackend(connectionString, options);
    cleanups.push(() => backend.close());
    return backend.accessStore();
  }

  const adding =
    (added = user) =>
    (transaction: AccessTransaction) =>
      transaction.addUser(added);

  describe('texts that it cannot hold', () => {
    const writes: readonly [
      field: string,
      write: (transaction: AccessTransaction, text: string) => Promise<unknown>,
    ][] = [
      ['namespace name', (to, name) => to.addNamespace({ ...namespace, name })],
      ['namespace description', (to, description) => to.addNamespace({ ...namespace, description })],
      ['api key tag', (to, apiKeyTag) => to.updateNamespace({ ...namespace, apiKeyTag })],
      ['username', (to, username) => to.addUser({ ...user, username })],
      ['email', (to, email) => to.addUser({ ...user, email })],
      ['external_id', (to, externalId) => to.addUser({ ...user, externalId })],
      ['api key name', (to, name) => to.addApiKey({ ...apiKey, name })],
      ['namespace_scope', (to, namespaceScope) => to.addApiKey({ ...apiKey, namespaceScope })],
      ['role name', (to, name) => to.addRole({ ...role, name })],
      ['permissions', (to, name) => to.addRole({ ...role, permissions: ['queue.list', name] })],
      ['permissions', (to, name) => to.updateRole({ ...role, permissions: [name] })],
      ['role binding namespace', (to, name) => to.addBinding({ ...binding, namespace: name })],
    ];

    test.each(writes)('are refused by the field: %s', async (field, write) => {
      const store = storeOn();
      for (const text of UNSTORABLE) {
        await expect(store.change((transaction) => write(transaction, text))).rejects.toMatchObject({
          name: 'QueueError',
          code: 'invalid',
          message: `${field} is invalid; it ${LACKS}`,
        });
      }
      expect(await store.generation()).toBe(0);
    });

    test('are in no record', async () => {
      const store = storeOn();
      const page = { pivot: '', limit: 10 };
      expect(await store.user('a\0b')).toBeUndefined();
      expect(await store.role('a', 'a\0b')).toBeUndefined();
      expect(await store.roles({ ...page, namespace: 'a\0b' })).toEqual([]);
      expect(await store.bindingsOf('a\0b', 5)).toEqual([]);
      expect(await store.grants({ keyHash: 'a\0b' })).toBeUndefined();
      await expect(store.users({ ...page, pivot: 'a\0b' })).rejects.toMatchObject({
        code: 'invalid',
        message: `pivot is invalid; it ${LACKS}`,
      });
    });

    test.each(UNSTORABLE)('are in no record for a transaction either: %j', async (text) => {
      const store = storeOn();
      await store.change(async (transaction) => {
        await transaction.addUser(user);
        expect(await transaction.userNamed(text)).toBeUndefined();
        expect(await transaction.role('a', text)).toBeUndefined();
      });
      expect(await store.user(user.id)).toEqual(user);
    });

    test('are in no record for a transaction that has failed: it stays so', async () => {
      const change = storeOn().change(async (transaction) => {
        await transaction.addUser(user);
        await transaction.addUser(user).catch(() => {});
        await transaction.userNamed('a\0b').catch(() => {});
      });
      await expect(change).rejects.toMatchObject({ code: 'invalid' });
    });

    test('are too long for an index', async () => {
      const long = Array.from({ length: 2_000 }, () => crypto.randomUUID()).join('');
      await expect(storeOn().change(adding({ ...user, username: long }))).rejects.toMatchObject({
        code: 'invalid',
        message: 'username is invalid; it is too long for the storage',
      });
    });
  });

  describe('transactions', () => {
    test('wait for one of another process, for as long as for a lock', async () => {
      const store = storeOn();
      const impatient = storeOn(database.connectionString, { timeouts: { lockMs: 200 } });
      await store.change(adding());
      await admin.query('BEGIN');
      await admin.query('SELECT 1 FROM querator_access_state FOR UPDATE');
      const waiting = store.change(adding(accessRecords('b').user));
      // Those that follow in the same process need no connection, and do not wait longer.
      const failing = ['c', 'd', 'e'].map((name) => impatient.change(adding(accessRecords(name).user)));
      const outcomes = await Promise.allSettled(failing);
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({
          status: 'rejected',
          reason: { name: 'StorageError', outcome: 'not-applied' },
        });
      }
      expect(await store.generation()).toBe(1);
      expect(await impatient.grants({ userId: user.id })).toMatchObject({ generation: 1 });
      await admin.query('ROLLBACK');
      await waiting;
      await impatient.change(adding(accessRecords('c').user));
      expect(await store.generation()).toBe(3);
    });

    test('are never repeated once their outcome is unknown', async () => {
      const store = storeOn();
      await store.generation();
      // The COMMIT runs this, and is still under way when the session ends.
      await admin.query(`
        CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(30); RETURN NEW; END$$;
        CREATE CONSTRAINT TRIGGER linger AFTER UPDATE ON querator_access_state DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION linger()`);
      let runs = 0;
      const change = store.change(async (transaction) => {
        runs++;
        await transaction.addUser(user);
      });
      const failing = expect(change).rejects.toMatchObject({ name: 'StorageError', outcome: 'unknown' });
      await vi.waitFor(async () => {
        const { rows } = await admin.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND query = 'COMMIT' AND wait_event = 'PgSleep'`,
        );
        expect(rows).toHaveLength(1);
      });
      await failing;
      expect(runs).toBe(1);
    });

    test('are repeated if the connection was dead before they began', async () => {
      const proxy = await startFaultProxy(database.connectionString);
      cleanups.push(() => proxy.close());
      const store = storeOn(proxy.connectionString);
      await store.generation();
      await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
      await store.change(adding());
      expect(await store.generation()).toBe(1);
    });

    test('leave nothing when the session ends in the middle', async () => {
      const store = storeOn();
      await store.generation();
      let runs = 0;
      await store.change(async (transaction) => {
        await transaction.addUser(user);
        if (runs++ > 0) return;
        await admin.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        );
        await transaction.addNamespace(namespace);
      });
      expect(runs).toBe(2);
      expect(await store.user(user.id)).toEqual(user);
      expect(await store.namespace(namespace.name)).toBeUndefined();
      expect(await store.generation()).toBe(1);
    });

    test('can no longer be used when they are over', async () => {
      const store = storeOn();
      const kept = await store.change(async (transaction) => transaction);
      await expect(kept.addUser(user)).rejects.toThrow('the transaction is over');
      expect(await store.user(user.id)).toBeUndefined();
    });
  });

  test('notes uses beside a transaction that holds the key', async () => {
    const store = storeOn();
    await store.change((transaction) => transaction.addApiKey(apiKey));
    let noted: Promise<void> | undefined;
    await store.change(async (transaction) => {
      await transaction.updateApiKey({ ...apiKey, prefix: 'new' });
      noted = store.noteUses([{ keyId: apiKey.id, at: 5n as Instant }]);
      await vi.waitFor(async () => {
        const { rows } = await admin.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        expect(rows).toHaveLength(1);
      });
    });
    await noted;
    expect(await store.apiKey(apiKey.id)).toEqual({ ...apiKey, prefix: 'new', lastUsedAt: 5n });
  });

  test.each(['refused', 'dropped', 'kept'] as const)(
    'works behind a pooler that shares sessions out, with options %s',
    async (fate) => {
      const pooler = await SharingPooler.start(database.connectionString, { fate, tears: false });
      cleanups.push(() => pooler.stop());
      const store = storeOn(pooler.connectionString());
      await Promise.all(['a', 'b'].map((name) => useAllOfAccess(store, name)));
      expect(await store.generation()).toBe(6);
    },
  );
});
