import { type ClearRequest, StorageError } from '@querator/core';
import { LIKE_LEASED, LIKE_SCHEDULED, STATE } from '../items/item-row.ts';
import type { OwnedCalls } from './owned-calls.ts';

/** Items that one transaction removes: a few milliseconds, so that other calls get their turn. */
const ITEMS_AT_ONCE = 5_000;

/**
 * Removes items in steps, each in a transaction. Items that arrive meanwhile stay.
 *
 * @throws StorageError whose outcome is `unknown` if some items may be removed already.
 */
export async function clearPartition(
  calls: OwnedCalls,
  { waiting, leased, scheduled }: ClearRequest,
): Promise<number> {
  const states = [
    ...(waiting ? [STATE.waiting] : []),
    ...(leased ? LIKE_LEASED : []),
    ...(scheduled ? LIKE_SCHEDULED : []),
  ];
  const last = await calls.call('lastSeq', {});
  let removed = 0;
  for (;;) {
    try {
      const some = await calls.call('clearSome', { states, last, limit: ITEMS_AT_ONCE });
      removed += some;
      if (some < ITEMS_AT_ONCE) return removed;
    } catch (error) {
      if (removed === 0 || !(error instanceof StorageError)) throw error;
      throw new StorageError(error.message, { outcome: 'unknown', cause: error });
    }
  }
}
