import { milliseconds, type PartitionKey } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

let database: TestDatabase;
let backend: ReturnType<typeof testBackend>;

beforeEach(async () => {
  database = await createTestDatabase();
  backend = testBackend(database.connectionString);
});
afterEach(async () => {
  await backend.close();
  await database.drop();
});

const keyOf = (partition: number): PartitionKey => ({ queue: 'polled', partition });
const storeOf = (partition: number) => backend.partitionStore(keyOf(partition));

test('a poll reports for each partition whether items wait, and when a sweep is due', async () => {
  await storeOf(0).produce([{ items: [item('waits')] }], HOUR);
  await storeOf(1).produce([{ items: [item('leased')] }], HOUR);
  await storeOf(1).lease({ limit: 1, leaseTimeout: milliseconds(60_000) });
  await storeOf(2).produce([{ items: [item('overdue')] }], HOUR);
  await storeOf(2).lease({ limit: 1, leaseTimeout: milliseconds(0) });
  await storeOf(3).stats();
  const [waiting, leased, overdue, empty, unknown] = await backend.poll([0, 1, 2, 3, 4].map(keyOf), {
    deadlines: true,
  });
  expect(waiting?.waiting).toBe(true);
  expect(waiting?.nextDueMs).toBeGreaterThan(3_500_000);
  expect(leased?.waiting).toBe(false);
  expect(leased?.nextDueMs).toBeGreaterThan(50_000);
  expect(leased?.nextDueMs).toBeLessThan(61_000);
  expect(overdue).toMatchObject({ waiting: false });
  expect(overdue?.nextDueMs).toBeLessThan(1_000);
  expect(empty).toEqual({ waiting: false, nextDueMs: undefined });
  expect(unknown).toEqual({ waiting: false, nextDueMs: undefined });
});

test('a poll of no partitions returns nothing, and creates no tables', async () => {
  expect(await backend.poll([], { deadlines: false })).toEqual([]);
  await backend.poll([keyOf(7)], { deadlines: true });
  const client = new pg.Client(database.connectionString);
  await client.connect();
  const { rows } = await client.query(`SELECT relname FROM pg_class WHERE relname LIKE 'items\\_%'`);
  await client.end();
  expect(rows).toEqual([]);
});

test('a poll of two hundred partitions finds the one with an item, although another has no table', {
  timeout: 60_000,
}, async () => {
  const keys = Array.from({ length: 200 }, (_, partition) => keyOf(partition));
  for (const { partition } of keys) if (partition !== 130) await storeOf(partition).stats();
  await storeOf(77).produce([{ items: [item('one')] }], HOUR);
  for (const deadlines of [false, true]) {
    const polls = await backend.poll(keys, { deadlines });
    expect(polls).toHaveLength(200);
    expect(polls.map(({ waiting }, n) => (waiting ? n : -1)).filter((n) => n >= 0)).toEqual([77]);
  }
});
