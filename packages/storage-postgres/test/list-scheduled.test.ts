import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'scheduled', partition: 0 };
const TABLE = itemsTableName(KEY);

let database: TestDatabase;
let client: pg.Client;
let backend: ReturnType<typeof testBackend>;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client(database.connectionString);
  await client.connect();
  backend = testBackend(database.connectionString);
  await backend.partitionStore(KEY).stats();
});
afterAll(async () => {
  await backend.close();
  await client.end();
  await database.drop();
});

/** Items by their numbers. A scheduled one with a higher number is due earlier. */
function fill(from: number, to: number, scheduled: boolean): Promise<unknown> {
  return client.query(
    `INSERT INTO ${TABLE} (id, expire_deadline, enqueue_at, created_at)
     SELECT '0' || lpad(to_hex(n), 16, '0') || 'abcdefghij', now() + '1 h', CASE WHEN $3 THEN now() - n * interval '1 s' + '1 year' END, now()
     FROM generate_series($1::int, $2::int) AS n`,
    [from, to, scheduled],
  );
}

async function page(pivot: string, limit: number): Promise<readonly string[]> {
  const items = await backend.partitionStore(KEY).list({ state: 'scheduled', pivot, limit });
  return items.map(({ id }) => id);
}

const id = (n: number) => `0${n.toString(16).padStart(16, '0')}abcdefghij`;
const ids = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => id(from + n));

test('scheduled items are listed in the order of their ids, whether few or many', async () => {
  await fill(1, 20_000, false);
  expect(await page('', 10)).toEqual([]);
  await fill(20_001, 20_500, true);
  expect(await page('', 3)).toEqual(ids(20_001, 20_003));
  expect(await page(id(20_400), 1_000)).toEqual(ids(20_400, 20_500));
  expect(await page(id(30_000), 10)).toEqual([]);
  // The limit for sorting is 10,000 items.
  await fill(20_501, 30_000, true);
  expect(await page(id(29_990), 100)).toEqual(ids(29_990, 30_000));
  await fill(30_001, 30_001, true);
  expect(await page('', 3)).toEqual(ids(20_001, 20_003));
  expect(await page(id(29_990), 100)).toEqual(ids(29_990, 30_001));
});
