import { instantFromMicroseconds, type PartitionStore } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'dead', partition: 0 };
const TABLE = itemsTableName(KEY);
const PAGE = { pivot: '', limit: 10 };
const SWEEP = { limit: 10, maxAttempts: 0, dead: 'move', claimTimeout: HOUR } as const;

/** The previous version of the server: its prepared letters have no mark, and it knows of none. */
describe('letters beside a server of the previous version', () => {
  let database: TestDatabase;
  let admin: pg.Client;
  let backend: ReturnType<typeof testBackend>;
  let store: PartitionStore;

  beforeEach(async () => {
    database = await createTestDatabase();
    admin = new pg.Client({ connectionString: database.connectionString });
    await admin.connect();
    backend = testBackend(database.connectionString);
    store = backend.partitionStore(KEY);
    const letters = [{ ...item('letter'), sourceId: 'source' }];
    await store.prepareLetters(letters, { expireTimeout: HOUR, autoCommitTimeout: HOUR });
  });
  afterEach(async () => {
    await backend.close();
    await admin.end();
    await database.drop();
  });

  const texts = async (state: 'queued' | 'prepared') =>
    (await store.list({ state, ...PAGE })).map(({ reference }) => reference);

  test('a letter that the old server commits is an ordinary item, and is not prepared any more', async () => {
    await admin.query(`UPDATE ${TABLE} SET is_leased = false, lease_deadline = NULL`);
    expect(await store.list({ state: 'queued', ...PAGE })).toMatchObject([
      { isLeased: false, maxAttempts: 0 },
    ]);
    expect([await texts('prepared'), await store.commitLetters(['source'])]).toEqual([[], 0]);
    const [leased] = await store.lease({ limit: 1, leaseTimeout: HOUR });
    const id = leased?.id ?? '';
    expect([await texts('queued'), await store.abortLetters(['source'])]).toEqual([['letter'], 0]);
    expect(await store.release([id])).toBe(1);
    expect([await texts('queued'), await texts('prepared')]).toEqual([['letter'], []]);
    await store.lease({ limit: 1, leaseTimeout: HOUR });
    expect(await store.complete([{ ids: [id] }])).toEqual([{ ok: true, value: undefined }]);
  });

  test('a letter that the old server commits, and that dies, is not a prepared one', async () => {
    await admin.query(
      `UPDATE ${TABLE} SET is_leased = false, lease_deadline = NULL, expire_deadline = now() - interval '1 s'`,
    );
    const { dead } = await store.sweep(SWEEP);
    expect(dead).toMatchObject([{ reference: 'letter', maxAttempts: 0 }]);
    expect([await texts('queued'), await texts('prepared')]).toEqual([['letter'], []]);
    expect(await store.commitLetters(['source'])).toBe(0);
  });

  test('a letter that the old server prepared is left to it, blocks a second copy, and is committed by its deadline', async () => {
    await admin.query(`UPDATE ${TABLE} SET max_attempts = 0`);
    const again = [{ ...item('again'), sourceId: 'source' }];
    await store.prepareLetters(again, { expireTimeout: HOUR, autoCommitTimeout: HOUR });
    expect([await texts('queued'), await texts('prepared')]).toEqual([['letter'], []]);
    expect(await store.commitLetters(['source'])).toBe(0);
    expect(await store.abortLetters(['source'])).toBe(0);
    await admin.query(`UPDATE ${TABLE} SET lease_deadline = now() - interval '1 s'`);
    expect(await store.sweep(SWEEP)).toMatchObject({ requeued: 1 });
    expect(await store.lease({ limit: 1, leaseTimeout: HOUR })).toMatchObject([{ reference: 'letter' }]);
  });

  test('a copy of a scheduled item is a letter whose preparation ends at its time', async () => {
    const dueAt = instantFromMicroseconds(32_503_680_000_000_000n);
    const copy = { ...item('copy'), sourceId: 'later', dueAt };
    await store.prepareLetters([copy], { expireTimeout: HOUR, autoCommitTimeout: HOUR });
    const { rows } = await admin.query(
      `SELECT is_leased, enqueue_at, max_attempts, extract(epoch FROM lease_deadline)::bigint AS until
       FROM ${TABLE} WHERE source_id = 'later'`,
    );
    const until = String(dueAt / 1_000_000n);
    expect(rows).toEqual([{ is_leased: true, enqueue_at: null, max_attempts: -1, until }]);
  });

  test('a letter that a sweep commits has no mark any more', async () => {
    await admin.query(`UPDATE ${TABLE} SET lease_deadline = now() - interval '1 s'`);
    await store.sweep(SWEEP);
    const { rows } = await admin.query(`SELECT is_leased, max_attempts FROM ${TABLE}`);
    expect(rows).toEqual([{ is_leased: false, max_attempts: 0 }]);
  });
});
