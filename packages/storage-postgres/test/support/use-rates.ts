import { milliseconds, type RateStore } from '@querator/core';
import { expect } from 'vitest';

/** Calls every method of a store of rates. */
export async function useAllOfRates(store: RateStore): Promise<void> {
  const counts = { produced: 1, leased: 2, completed: 3, retried: 4, dead: 5 };
  const depth = { waiting: 1, leased: 2, scheduled: 3, headAgeMs: 4 };
  await store.add([{ queue: 'q', ...counts, depth }]);
  const { counts: found } = await store.read({ queues: ['q'], span: milliseconds(60_000) });
  expect(found).toMatchObject([{ queue: 'q', ...counts, depth }]);
}
