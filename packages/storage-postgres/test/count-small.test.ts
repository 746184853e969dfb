import { instantFromMicroseconds } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { itemsTableName } from '../src/sql/table-name.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'counted', partition: 0 };
const CREATED = instantFromMicroseconds(1_800_000_000_000_000n);
const OWNER = { createdAt: CREATED, isThere: async () => true, wasDeleted: async () => false };
const TABLE = itemsTableName(KEY);
const ESTIMATE = { createNothing: true, mayEstimate: true };

let database: TestDatabase;
let backend: ReturnType<typeof testBackend>;
let client: pg.Client;

beforeEach(async () => {
  database = await createTestDatabase();
  backend = testBackend(database.connectionString);
  await backend.partitionStore(KEY, OWNER).produce([{ items: [item('first')] }], HOUR);
  client = new pg.Client(database.connectionString);
  await client.connect();
  await client.query(`ALTER TABLE ${TABLE} ALTER COLUMN payload SET STORAGE PLAIN`);
});
afterEach(async () => {
  await client.end();
  await backend.close();
  await database.drop();
});

/** Adds waiting items after the others, with ids as the driver makes them: 900 of them fill a megabyte. */
async function fill(count: number): Promise<void> {
  await client.query(`
    INSERT INTO ${TABLE} (id, expire_deadline, created_at, payload)
    SELECT '0' || lpad(to_hex((number << 17) + position), 16, '0') || 'abcdefghij',
      now() + interval '1 hour', now(), decode(repeat('00', 1000), 'hex')
    FROM (SELECT nextval('querator_item_id') AS number) AS once, generate_series(1, ${count}) AS position`);
}

/** The ids of the last items. */
const last = (count: number) => `SELECT id FROM ${TABLE} ORDER BY id DESC LIMIT ${count}`;

test('a large table is left to stats, which estimate it and count the states with few items', {
  timeout: 120_000,
}, async () => {
  await fill(60_000);
  const next = { queue: 'never used', partition: 0, createdAt: CREATED };
  expect(await backend.countSmall([{ ...KEY, createdAt: CREATED }, next])).toMatchObject([
    undefined,
    { waiting: 0 },
  ]);
  const store = backend.partitionStore(KEY, OWNER);
  await store.lease({ limit: 700, leaseTimeout: HOUR });
  await client.query(`UPDATE ${TABLE} SET enqueue_at = now() + interval '1 day' WHERE id IN (${last(10)})`);
  const stats = await store.stats(ESTIMATE);
  expect(stats).toMatchObject({ leased: 700, scheduled: 10, estimated: true });
  expect(Math.abs(stats.waiting / 59_291 - 1)).toBeLessThan(0.15);
  expect(stats.headAge).toBeGreaterThan(0n);
});

test('a large table with few items, whose pages are mostly empty, is counted', {
  timeout: 120_000,
}, async () => {
  await fill(20_000);
  await client.query(`DELETE FROM ${TABLE} WHERE id NOT IN (${last(1_000)})`);
  await client.query(`VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) ${TABLE}`);
  expect(await backend.countSmall([{ ...KEY, createdAt: CREATED }])).toEqual([undefined]);
  const stats = await backend.partitionStore(KEY, OWNER).stats(ESTIMATE);
  expect([stats.waiting, stats.estimated ?? false]).toEqual([1_000, false]);
});

test('counting creates no tables', async () => {
  const other = { queue: 'never used', partition: 0, createdAt: CREATED };
  expect(await backend.countSmall([other, { ...KEY, createdAt: CREATED }])).toMatchObject([
    { waiting: 0 },
    { waiting: 1 },
  ]);
  const { rows } = await client.query(
    `SELECT relname FROM pg_class WHERE relname LIKE 'items\\_%' AND relkind = 'r'`,
  );
  expect(rows).toEqual([{ relname: TABLE }]);
});
