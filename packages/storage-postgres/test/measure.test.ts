import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { itemsTableName } from '../src/sql/table-name.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'measured', partition: 0 };
const TABLE = itemsTableName(KEY);
/** A page has room for 7 of these items. */
const PAYLOAD_BYTES = 1_000;

let database: TestDatabase;
let backend: ReturnType<typeof testBackend>;
let client: pg.Client;

beforeEach(async () => {
  database = await createTestDatabase();
  backend = testBackend(database.connectionString);
  await backend.partitionStore(KEY).produce([{ items: [item('first')] }], HOUR);
  client = new pg.Client(database.connectionString);
  await client.connect();
  await client.query(`ALTER TABLE ${TABLE} ALTER COLUMN payload SET STORAGE PLAIN`);
});
afterEach(async () => {
  await client.end();
  await backend.close();
  await database.drop();
});

/** Adds items after the others. They fill one megabyte for 900 of them. */
async function fill(from: number, to: number): Promise<void> {
  await client.query(`
    INSERT INTO ${TABLE} (id, expire_deadline, created_at, payload)
    SELECT '1' || lpad(n::text, 26, '0'), now() + interval '1 hour', now(), decode(repeat('00', ${PAYLOAD_BYTES}), 'hex')
    FROM generate_series(${from}, ${to}) AS n`);
}

test('a great table is measured by a part of its pages, to a tenth', { timeout: 120_000 }, async () => {
  await fill(1, 95_000);
  const [size] = await backend.measure([KEY]);
  expect(Math.abs((size?.items ?? 0) / 95_000 - 1)).toBeLessThan(0.1);
  expect(Math.abs((size?.bytes ?? 0) / (95_000 * PAYLOAD_BYTES) - 1)).toBeLessThan(0.1);

  // The pages are there still, and almost all of them are empty.
  await client.query(`DELETE FROM ${TABLE} WHERE id < '1' || lpad('94001', 26, '0')`);
  await client.query(`VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) ${TABLE}`);
  expect(await backend.measure([KEY])).toEqual([{ items: 1_000, bytes: 1_000 * PAYLOAD_BYTES }]);
});

test('measuring creates no tables', async () => {
  const other = { queue: 'never used', partition: 0 };
  expect(await backend.measure([other, KEY])).toMatchObject([{ items: 0 }, { items: 1 }]);
  const { rows } = await client.query(
    `SELECT relname FROM pg_class WHERE relname LIKE 'items\\_%' AND relkind = 'r'`,
  );
  expect(rows).toEqual([{ relname: TABLE }]);
});
