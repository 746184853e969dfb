import { itemIdFault } from '@querator/core';
import { createTestDatabase } from '@querator/tooling-postgres';
import { expect, test } from 'vitest';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

test('ids grow in the order of acknowledged produces, whichever backend takes them', async () => {
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

test('more items than one statement has positions for stay in order', { timeout: 120_000 }, async () => {
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
