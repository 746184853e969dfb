import { type ImportedItem, type PartitionStore, QueueError, silentLogger } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item, verdict } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'batches', partition: 0 };
const TABLE = itemsTableName(KEY);
const SWEEP = { limit: 1_000, claimTimeout: HOUR, maxAttempts: 0, dead: 'move' } as const;

function imported(reference: string, sourceId: string): ImportedItem {
  return { ...item(reference), sourceId, isLeased: false, attempts: 0, maxAttempts: 0 };
}

describe('a batch that fails half-way', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;
  let backend: ReturnType<typeof testBackend>;

  beforeEach(async () => {
    database = await createTestDatabase();
    admin = new pg.Client({ connectionString: database.connectionString });
    await admin.connect();
    backend = testBackend(database.connectionString, { maxConns: 8 });
    await backend.partitionStore(KEY).stats();
  });
  afterEach(async () => {
    await backend.close();
    await admin.end();
    await database.drop();
  });

  /** Makes the storage fail, as for a full disk, for rows that match a condition. */
  async function failOn(event: 'INSERT' | 'UPDATE' | 'DELETE', condition: string): Promise<void> {
    await admin.query(
      `CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql
       AS $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$`,
    );
    await admin.query(
      `CREATE TRIGGER fail_on_${event} BEFORE ${event} ON ${TABLE} FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION fail()`,
    );
  }

  test('of produce requests stores nothing, even if the requests are stored one by one', async () => {
    const store = backend.partitionStore(KEY);
    await failOn('INSERT', "NEW.reference = 'boom'");
    const requests = ['good', 'bad\0', 'boom'].map((reference) => ({ items: [item(reference)] }));
    await expect(store.produce(requests, HOUR)).rejects.toMatchObject({ outcome: 'not-applied' });
    expect((await store.stats()).waiting).toBe(0);
    const outcomes = await store.produce(requests.slice(0, 2), HOUR);
    expect(outcomes.map(verdict)).toEqual(['ok', expect.stringContaining('invalid item')]);
    expect((await store.stats()).waiting).toBe(1);
  });

  test('of a sweep reports the items that were handled before the failure, and the next sweep is due at once', async () => {
    const store = backend.partitionStore(KEY);
    await store.produce([{ items: [item('dies')] }], HOUR);
    await store.lease({ limit: 1, leaseTimeout: HOUR });
    await store.produce([{ items: [item('expires')] }], HOUR);
    await admin.query(
      `UPDATE ${TABLE} SET expire_deadline = now() - interval '1 h', lease_deadline = lease_deadline - interval '1 day'`,
    );
    await failOn('UPDATE', "NEW.reference = 'expires'");
    const swept = await store.sweep(SWEEP);
    expect(swept.dead.map(({ reference }) => reference)).toEqual(['dies']);
    expect(swept.nextDueMs).toBeLessThanOrEqual(100);
    await expect(store.sweep(SWEEP)).rejects.toMatchObject({ outcome: 'not-applied' });
    await admin.query(`DROP TRIGGER fail_on_UPDATE ON ${TABLE}`);
    expect((await store.sweep(SWEEP)).dead.map(({ reference }) => reference)).toEqual(['expires']);
  });

  test('of letters, or of marked items, changes nothing', async () => {
    const store = backend.partitionStore(KEY);
    const timeouts = { expireTimeout: HOUR, autoCommitTimeout: HOUR };
    const listed = () => store.list({ state: 'queued', pivot: '', limit: 10 });
    await store.produce([{ items: [item('dead'), item('dead boom')] }], HOUR);
    const ids = (await store.lease({ limit: 2, leaseTimeout: HOUR })).map(({ id }) => id);
    await store.retry([{ items: ids.map((id) => ({ id, dead: true })) }], SWEEP);
    const letter = (reference: string) => ({ ...item(reference), sourceId: reference });
    await store.prepareLetters([letter('a'), letter('prepared boom')], timeouts);
    const before = await listed();
    await failOn('INSERT', "NEW.reference LIKE '%boom'");
    await failOn('UPDATE', "OLD.reference LIKE '%boom'");
    await failOn('DELETE', "OLD.reference LIKE '%boom'");
    const attempts = [
      store.prepareLetters([letter('b'), letter('another boom')], timeouts),
      store.commitLetters(['a', 'prepared boom']),
      store.abortLetters(['a', 'prepared boom']),
      store.markMoved(ids),
      store.remove(ids),
    ];
    for (const attempt of await Promise.allSettled(attempts)) {
      expect(attempt).toMatchObject({ reason: { name: 'StorageError', outcome: 'not-applied' } });
    }
    expect(await listed()).toEqual(before);
    await admin.query(`DROP TRIGGER fail_on_UPDATE ON ${TABLE}`);
    expect((await store.sweep(SWEEP)).dead.map(({ id }) => id).sort()).toEqual(ids.sort());
  });

  test('of an import with items that cannot be stored fails with an error of the caller that quotes no content', async () => {
    const store = backend.partitionStore(KEY);
    // An index row holds 2.7 kB after compression.
    const long = Array.from({ length: 400 }, () => crypto.randomUUID()).join('');
    const error = await store.import([imported('a', 'short'), imported('b', long)], HOUR).catch((e) => e);
    expect(error).toBeInstanceOf(QueueError);
    expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining('54000') });
    expect(error.message).not.toContain(long.slice(0, 8));
    await expect(store.import([imported('a\0', 'short')], HOUR)).rejects.toMatchObject({ code: 'invalid' });
    expect((await store.stats()).waiting).toBe(0);
  });

  /** Runs calls on a store, and expects that none of them was repeated. */
  async function withoutRepeats(calls: (store: PartitionStore) => Promise<void>): Promise<void> {
    const repeated: unknown[] = [];
    const logger = { ...silentLogger, debug: (_: string, fields?: unknown) => void repeated.push(fields) };
    const watched = testBackend(database.connectionString, { maxConns: 8, logger });
    await calls(watched.partitionStore(KEY));
    expect(repeated).toEqual([]);
    await watched.close();
  }

  test('imports of the same source ids in opposite orders do not block each other', async () => {
    await withoutRepeats(async (store) => {
      for (let round = 0; round < 5; round++) {
        const items = Array.from({ length: 2_000 }, (_, n) => imported(`${n}`, `${round}-${n}`));
        const calls = Array.from({ length: 6 }, (_, n) =>
          store.import(n % 2 === 0 ? items : items.toReversed(), HOUR),
        );
        const stored = (await Promise.all(calls)).flat().filter((each) => each !== undefined);
        expect(stored).toHaveLength(2_000);
      }
    });
  });

  test('steps of a move of the same items in opposite orders do not block each other', async () => {
    await withoutRepeats(async (store) => {
      for (let round = 0; round < 5; round++) {
        await store.produce([{ items: Array.from({ length: 1_000 }, (_, n) => item(`${n}`)) }], HOUR);
        const ids = (await store.lease({ limit: 1_000, leaseTimeout: HOUR })).map(({ id }) => id);
        await store.retry([{ items: ids.map((id) => ({ id, dead: true })) }], SWEEP);
        const letters = ids.map((id) => ({ ...item('letter'), sourceId: id }));
        const timeouts = { expireTimeout: HOUR, autoCommitTimeout: HOUR };
        await Promise.all([
          store.prepareLetters(letters, timeouts),
          store.prepareLetters(letters.toReversed(), timeouts),
        ]);
        const marks = [ids, ids.toReversed(), ids].map((each) => store.markMoved(each));
        const deliveries = [ids, ids.toReversed(), ids].map((each) => store.commitLetters(each));
        const withdrawals = [ids, ids.toReversed()].map((each) => store.abortLetters(each));
        const counts = await Promise.all([...deliveries, ...withdrawals]);
        expect(counts.reduce((sum, count) => sum + count)).toBe(1_000);
        expect((await Promise.all(marks)).flatMap(({ marked }) => marked)).toHaveLength(1_000);
      }
    });
  });

  test('an import of more items than one statement holds keeps their order and distinct source ids', async () => {
    const store = backend.partitionStore(KEY);
    const items = Array.from({ length: 20_500 }, (_, n) => imported(`${n}`, `${n % 20_400}`));
    const stored = await store.import(items, HOUR);
    expect(stored.map((each) => each?.reference)).toEqual(
      items.map(({ reference }, n) => (n < 20_400 ? reference : undefined)),
    );
    const ids = stored.flatMap((each) => each?.id ?? []);
    expect(ids).toEqual([...new Set(ids)].sort());
  });
});
