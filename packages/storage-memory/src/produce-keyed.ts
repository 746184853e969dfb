import {
  addDuration,
  type Instant,
  type KeyedItemsResult,
  type KeyedProduceOptions,
  type KeyedProduceRequest,
  type KeyedProduceResult,
  type NewItem,
} from '@querator/core';
import type { Appended } from './append-items.ts';
import type { DedupKeys } from './dedup-keys.ts';

interface KeyedProduceParts extends Pick<KeyedProduceOptions, 'newKeys'> {
  readonly now: Instant;
  readonly append: (items: readonly NewItem[]) => Appended;
}

/** Stores those items of a request whose keys are new; see core's `PartitionStore`. */
export function produceKeyed(
  keys: DedupKeys,
  { groups, window }: KeyedProduceRequest,
  { now, newKeys, append }: KeyedProduceParts,
): KeyedProduceResult {
  const endsAt = addDuration(now, window);
  let stored = 0;
  let scheduled = 0;
  const results = groups.map(({ key, items }): KeyedItemsResult => {
    const earlier = keys.idsOf(key, now);
    if (earlier !== undefined) return { state: 'duplicate', ids: earlier };
    if (newKeys !== 'store') return { state: 'refused' };
    const appended = append(items);
    keys.add(key, appended.ids, endsAt);
    stored += items.length;
    scheduled += appended.scheduled;
    return { state: 'stored', ids: appended.ids };
  });
  return { groups: results, waiting: stored - scheduled, scheduled };
}
