import { type Clock, type Queue, within } from '@querator/core';
import type { Placements } from './placements.ts';

/**
 * Counts in storage what a queue holds, without activating it or creating its
 * partitions. Undefined: that takes longer than `limitMs`.
 *
 * @throws StorageError
 */
export async function countItems(
  { clock, placements }: { readonly clock: Clock; readonly placements: Pick<Placements, 'reachable'> },
  queue: Queue,
  limitMs: number,
): Promise<number | undefined> {
  const ending = new AbortController();
  const { signal } = ending;
  const counts = placements.reachable(queue).map(({ store, limited }) =>
    limited.count(async () => {
      signal.throwIfAborted();
      const { waiting, leased, scheduled } = await store.stats({ limitMs, signal, createNothing: true });
      return waiting + leased + scheduled;
    }),
  );
  try {
    const counted = await within(clock, limitMs, Promise.all(counts));
    return counted?.reduce((sum, count) => sum + count, 0);
  } finally {
    ending.abort();
  }
}
