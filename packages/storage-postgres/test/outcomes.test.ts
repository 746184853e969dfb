import { inspect } from 'node:util';
import type { PartitionStore } from '@querator/core';
import { createTestDatabase, startFaultProxy, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item, verdict } from './support/contents.ts';

import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'outcomes', partition: 0 };
const TABLE = itemsTableName(KEY);

describe('the outcome after a failure', { timeout: 60_000 }, () => {
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

  /** The process ids of the backends that wait for a lock, once there are any. */
  async function blocked(): Promise<readonly number[]> {
    return vi.waitFor(async () => {
      const { rows } = await admin.query(
        `SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'querator' AND wait_event_type = 'Lock'`,
      );
      expect(rows).not.toEqual([]);
      return rows.map(({ pid }) => pid as number);
    });
  }

  const produceOne = (store: PartitionStore) => store.produce([{ items: [item('a')] }], HOUR);

  test('is unknown if the backend was terminated during a write', async () => {
    const backend = testBackend(database.connectionString);
    const store = backend.partitionStore(KEY);
    await store.stats();
    await admin.query('BEGIN');
    await admin.query(`LOCK TABLE ${TABLE}`);
    const producing = expect(produceOne(store)).rejects.toMatchObject({
      name: 'StorageError',
      outcome: 'unknown',
    });
    for (const pid of await blocked()) await admin.query('SELECT pg_terminate_backend($1)', [pid]);
    await producing;
    await admin.query('ROLLBACK');
    expect((await store.stats()).waiting).toBe(0);
    await backend.close();
  });

  test('of a read is a repetition if the backend was terminated during it', async () => {
    const backend = testBackend(database.connectionString);
    const store = backend.partitionStore(KEY);
    await produceOne(store);
    await admin.query('BEGIN');
    await admin.query(`LOCK TABLE ${TABLE}`);
    const listing = store.list({ state: 'queued', pivot: '', limit: 10 });
    for (const pid of await blocked()) await admin.query('SELECT pg_terminate_backend($1)', [pid]);
    await admin.query('ROLLBACK');
    expect(await listing).toHaveLength(1);
    await backend.close();
  });

  test.each([
    ['the statement timed out', { statementMs: 500 }, '57014'],
    ['the lock timed out', { lockMs: 100 }, '55P03'],
  ])('is not-applied when %s', async (_, timeouts, sqlState) => {
    const backend = testBackend(database.connectionString, { timeouts });
    const store = backend.partitionStore(KEY);
    await store.stats();
    await admin.query('BEGIN');
    await admin.query(`LOCK TABLE ${TABLE}`);
    await expect(produceOne(store)).rejects.toMatchObject({ outcome: 'not-applied', sqlState });
    await admin.query('ROLLBACK');
    expect(verdict((await produceOne(store))[0])).toBe('ok');
    await backend.close();
  });

  test('is unknown if no reply came, and the connection is replaced', async () => {
    const proxy = await startFaultProxy(database.connectionString);
    const timeouts = { statementMs: 300, answerGraceMs: 100 };
    const backend = testBackend(proxy.connectionString, { timeouts });
    const store = backend.partitionStore(KEY);
    await store.stats();
    proxy.swallowAnswers();
    await expect(produceOne(store)).rejects.toMatchObject({ outcome: 'unknown', timedOut: true });
    proxy.restore();
    expect((await store.stats()).waiting).toBe(1);
    await backend.close();
    await proxy.close();
  });

  test('is unknown if the connection was reset after the statement was sent', async () => {
    const proxy = await startFaultProxy(database.connectionString);
    const backend = testBackend(proxy.connectionString);
    const store = backend.partitionStore(KEY);
    await store.stats();
    proxy.swallowAnswers();
    const producing = expect(produceOne(store)).rejects.toMatchObject({ outcome: 'unknown' });
    await vi.waitFor(async () => {
      const { rows } = await admin.query(`SELECT count(*)::int AS count FROM ${TABLE}`);
      expect(rows).toEqual([{ count: 1 }]);
    });
    proxy.cut();
    await producing;
    proxy.restore();
    expect((await store.stats()).waiting).toBe(1);
    await backend.close();
    await proxy.close();
  });

  test('is not-applied if no server listens, and the next call tries again', async () => {
    const proxy = await startFaultProxy(database.connectionString);
    await proxy.close();
    const backend = testBackend(proxy.connectionString);
    const store = backend.partitionStore(KEY);
    await expect(produceOne(store)).rejects.toMatchObject({ outcome: 'not-applied' });
    await expect(store.stats()).rejects.toThrow('ECONNREFUSED');
    await backend.close();
  });

  test('is not-applied after close', async () => {
    const backend = testBackend(database.connectionString);
    const store = backend.partitionStore(KEY);
    await produceOne(store);
    await backend.close();
    await backend.close();
    await expect(produceOne(store)).rejects.toMatchObject({ outcome: 'not-applied' });
  });

  test('of one request with content that PostgreSQL cannot store does not affect the others, and quotes nothing', async () => {
    const backend = testBackend(database.connectionString);
    const store = backend.partitionStore(KEY);
    const outcomes = await store.produce(
      [{ items: [item('good')] }, { items: [item('SECRET\0')] }, { items: [item('better')] }],
      HOUR,
    );
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, false, true]);
    expect(inspect(outcomes, { depth: 10, showHidden: true })).not.toContain('SECRET');
    expect((await store.stats()).waiting).toBe(2);
    await backend.close();
  });

  test('is reported without the password and the statement', async () => {
    const role = `${database.name}_user`;
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'hunter2'`);
    const url = new URL(database.connectionString);
    url.username = role;
    url.password = 'hunter2';
    url.pathname = '/no_such_database';
    const backend = testBackend(url.href);
    const error = await produceOne(backend.partitionStore(KEY)).catch((reason: unknown) => reason);
    await admin.query(`DROP ROLE ${role}`);
    const text = inspect(error, { depth: 10, showHidden: true });
    expect(text).toContain('no_such_database');
    expect(text).not.toContain('hunter2');
    expect(text).not.toMatch(/INSERT|SELECT/);
    await backend.close();
  });

  test('of a deadlock is a repetition', async () => {
    const backend = testBackend(database.connectionString, { maxConns: 8 });
    const store = backend.partitionStore(KEY);
    for (let round = 0; round < 5; round++) {
      await store.produce([{ items: Array.from({ length: 50 }, (_, n) => item(`${n}`)) }], HOUR);
      const ids = (await store.lease({ limit: 50, leaseTimeout: HOUR })).map(({ id }) => id);
      const attempts = Array.from({ length: 8 }, (_, n) =>
        store.complete([{ ids: n % 2 === 0 ? ids : ids.toReversed() }]),
      );
      const verdicts = (await Promise.all(attempts)).map(([outcome]) => outcome?.ok);
      expect(verdicts.filter(Boolean)).toHaveLength(1);
    }
    await backend.close();
  });
});
