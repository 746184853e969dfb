import { instantFromMicroseconds, itemIdFault } from '@querator/core';
import { createTestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { expect, test } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const WAITS_FOR_A_LOCK = `SELECT EXISTS (SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock') AS waits`;

test('ids grow in the order of acknowledged produces, whichever backend stores them', async () => {
  const database = await createTestDatabase();
  const backends = [testBackend(database.connectionString), testBackend(database.connectionString)] as const;
  const stores = backends.map((backend) => backend.partitionStore({ queue: 'order', partition: 0 }));
  const produced: string[] = [];
  for (let turn = 0; turn < 60; turn++) {
    const references = Array.from({ length: (turn % 7) + 1 }, (_, n) => `${turn}-${n}`);
    produced.push(...references);
    await stores[turn % 2]?.produce([{ items: references.map(item) }], HOUR);
  }
  const leased = await stores[0]?.lease({ limit: 1_000, leaseTimeout: HOUR });
  expect(leased?.map(({ reference }) => reference)).toEqual(produced);
  for (const { id } of leased ?? []) {
    expect(itemIdFault(id)).toBeUndefined();
    expect(id).toMatch(/^0[0-9a-f]{16}[0-9A-Za-z]{10}$/);
  }
  for (const backend of backends) await backend.close();
  await database.drop();
});

test('more items than one statement has positions for keep their order', { timeout: 120_000 }, async () => {
  const database = await createTestDatabase();
  const timeouts = { statementMs: 60_000 };
  const backend = testBackend(database.connectionString, { timeouts });
  const store = backend.partitionStore({ queue: 'many', partition: 0 });
  const content = { ...item(''), payload: new Uint8Array() };
  const request = { items: Array.from({ length: 50_000 }, () => content) };
  const outcomes = await store.produce([request, request, { items: [item('last')] }, request], HOUR);
  expect(outcomes.map((outcome) => outcome.ok && outcome.value.waiting)).toEqual([50_000, 50_000, 1, 50_000]);
  const listed = await store.list({ state: 'queued', pivot: '', limit: 200_000 });
  expect(listed.findIndex(({ reference }) => reference === 'last')).toBe(100_000);
  await backend.close();
  await database.drop();
});

test('items that come due together keep their order, even while another sweep of them runs', async () => {
  const database = await createTestDatabase();
  const backend = testBackend(database.connectionString);
  const key = { queue: 'together', partition: 0 };
  const store = backend.partitionStore(key);
  const references = ['a', 'b', 'c', 'd', 'e'];
  await store.import(
    references.map((reference) => ({
      ...item(reference),
      ...{ isLeased: false, attempts: 0, maxAttempts: 0, enqueueAt: instantFromMicroseconds(0n) },
    })),
    HOUR,
  );
  const other = new pg.Client(database.connectionString);
  await other.connect();
  await other.query('BEGIN');
  await other.query(`SELECT FROM ${itemsTableName(key)} ORDER BY enqueue_at, id LIMIT 2 FOR UPDATE`);
  const sweep = store.sweep({ limit: 100, claimTimeout: HOUR, maxAttempts: 0, dead: 'delete' });
  await expect.poll(async () => (await other.query(WAITS_FOR_A_LOCK)).rows[0].waits).toBe(true);
  await other.query('ROLLBACK');
  expect(await sweep).toMatchObject({ enqueued: 5 });
  const leased = await store.lease({ limit: 10, leaseTimeout: HOUR });
  expect(leased.map(({ reference }) => reference)).toEqual(references);
  await other.end();
  await backend.close();
  await database.drop();
});
