import { addDuration, type Instant, instantFromMilliseconds, parseDuration } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'mail', partition: 0 };
const TABLE = itemsTableName(KEY);
const FIRST = instantFromMilliseconds(Date.UTC(2026, 0, 1));
const SECOND = addDuration(FIRST, parseDuration('1m'));
const WAITS_FOR_A_LOCK = `SELECT EXISTS (SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock') AS waits`;

describe('a table of an earlier queue of the same name', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  const open: ReturnType<typeof testBackend>[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
  });
  afterEach(async () => {
    for (const backend of open.splice(0)) await backend.close();
    await client.end();
    await database.drop();
  });

  interface Knowledge {
    readonly isThere?: () => Promise<boolean>;
    readonly wasDeleted?: (createdAt: Instant) => Promise<boolean>;
  }

  /** The partition of the queue that was created then, in a separate process. */
  function storeOf(createdAt: Instant, knowledge: Knowledge = {}) {
    const backend = testBackend(database.connectionString);
    open.push(backend);
    const known = { isThere: async () => true, wasDeleted: async () => false, ...knowledge };
    return backend.partitionStore(KEY, { createdAt, ...known });
  }
  const rows = async () => (await client.query(`SELECT reference FROM ${TABLE} ORDER BY id`)).rows.length;
  const exists = async () =>
    (await client.query(`SELECT to_regclass('${TABLE}') IS NOT NULL AS there`)).rows[0].there as boolean;
  const produce = (store: ReturnType<typeof storeOf>, reference = 'a') =>
    store.produce([{ items: [item(reference)] }], HOUR);

  test('with items is refused by name, and stays unchanged', async () => {
    await produce(storeOf(FIRST));
    const second = storeOf(SECOND);
    for (const call of [() => second.stats(), () => produce(second), () => second.stats()]) {
      await expect(call()).rejects.toMatchObject({
        name: 'StorageError',
        outcome: 'not-applied',
        message:
          `storage 'postgres-01': table ${TABLE} holds items of an earlier queue 'mail' ` +
          '(created 2026-01-01T00:00:00.000000Z), which was not deleted by this server, ' +
          'and not of the present one (created 2026-01-01T00:01:00.000000Z); ' +
          `'querator storage adopt ${TABLE}' gives them to the present queue, ` +
          `'querator storage drop ${TABLE} --force' deletes them`,
      });
    }
    expect((await storeOf(FIRST).stats()).waiting).toBe(1);
  });

  test('with items of a deleted queue is removed, if the record is of that very queue', async () => {
    await produce(storeOf(FIRST));
    const asked: Instant[] = [];
    const second = storeOf(SECOND, { wasDeleted: async (created) => asked.push(created) > 1 });
    await expect(second.stats()).rejects.toThrow('holds items of an earlier queue');
    expect((await second.stats()).waiting).toBe(0);
    expect(asked).toEqual([FIRST, FIRST]);
  });

  test('is used without a restart once an operator has adopted or dropped it', async () => {
    await produce(storeOf(FIRST));
    const second = storeOf(SECOND);
    await expect(produce(second)).rejects.toThrow('holds items of an earlier queue');
    await client.query(`DELETE FROM ${TABLE}`);
    await produce(second);
    expect(await rows()).toBe(1);
  });

  test('without items is removed', async () => {
    await storeOf(FIRST).stats();
    await produce(storeOf(SECOND));
    await expect(storeOf(FIRST).stats()).rejects.toThrow('was deleted and created anew');
  });

  test('that gets an item between the check and the removal stays', async () => {
    await storeOf(FIRST).stats();
    const writer = new pg.Client(database.connectionString);
    await writer.connect();
    await writer.query('BEGIN');
    await writer.query(
      `INSERT INTO ${TABLE} (id, expire_deadline, created_at) VALUES ('00000000000000001aaaaaaaaaa', now(), now())`,
    );
    const second = storeOf(SECOND);
    const refused = expect(second.stats()).rejects.toThrow('holds items of an earlier queue');
    // It asks for the lock briefly, with pauses.
    const waits = async () => (await client.query(WAITS_FOR_A_LOCK)).rows[0].waits;
    await expect.poll(waits, { interval: 5, timeout: 5_000 }).toBe(true);
    await writer.query('COMMIT');
    await writer.end();
    await refused;
    expect(await rows()).toBe(1);
  });

  test('with items does not block the server that uses it', async () => {
    await produce(storeOf(FIRST));
    await client.query('BEGIN');
    await client.query(`SELECT FROM ${TABLE} FOR UPDATE`);
    // If it requested the lock, it would wait for this transaction, and all other statements behind it.
    await expect(storeOf(SECOND).stats()).rejects.toThrow('holds items of an earlier queue');
    await client.query('COMMIT');
  });

  test('is not dropped with the queue that found it', async () => {
    await produce(storeOf(FIRST));
    const second = storeOf(SECOND);
    await expect(second.stats()).rejects.toThrow('holds items of an earlier queue');
    await second.drop();
    expect(await rows()).toBe(1);
  });

  describe('created for a queue that was deleted meanwhile', () => {
    /**
     * Another process, which does not know of the deletion either, stores an item
     * before this one has asked.
     */
    function orphaned(wasDeleted: boolean) {
      return storeOf(FIRST, {
        isThere: async () => {
          await client.query(
            `INSERT INTO ${TABLE} (id, expire_deadline, created_at)
             VALUES ('00000000000000001aaaaaaaaaa', now(), now())`,
          );
          return false;
        },
        wasDeleted: async (created) => wasDeleted && created === FIRST,
      });
    }

    test('is dropped with items that another process stored, if the deletion is recorded', async () => {
      await expect(produce(orphaned(true))).rejects.toThrow('was deleted by another process');
      expect(await exists()).toBe(false);
    });

    test('stays with items that another process stored, if no deletion is recorded', async () => {
      await expect(produce(orphaned(false))).rejects.toThrow('was deleted by another process');
      expect(await rows()).toBe(1);
    });
  });
});
