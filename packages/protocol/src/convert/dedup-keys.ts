import type { CarriedKey, Instant } from '@querator/core';
import { UNSET_INSTANT } from '@querator/core';
import type { ItemsDedupKey } from '../gen/querator/v2/items.ts';
import { fromOptionalTimestamp, toTimestamp } from '../time/wire-time.ts';

/** The wire form of a dedup key. */
export function fromDedupKey({
  partition,
  key,
  ids,
  endsAt,
}: CarriedKey & { readonly partition: number }): ItemsDedupKey {
  return { partition, key, ids: [...ids], endsAt: toTimestamp(endsAt) };
}

/** A dedup key of an import, which was not checked yet. */
export function toDedupKey({
  key,
  ids,
  endsAt,
}: ItemsDedupKey): Omit<CarriedKey, 'endsAt'> & { readonly endsAt: Instant | undefined } {
  const instant = fromOptionalTimestamp(endsAt);
  return { key, ids, endsAt: instant === UNSET_INSTANT ? undefined : instant };
}
