import type { CarriedKey, ItemId } from '@querator/core';
import { textArray } from '../wire/binary-array.ts';
import { instantFromText, instantToText } from '../wire/instant-text.ts';
import { firstNumberOf, idsInRow } from './new-item-id.ts';

/** A row of a table of dedup keys. */
export interface KeyRow {
  readonly key: string;
  readonly first: string;
  readonly ends: string;
  readonly at: string;
}

/** The columns of {@link KeyRow}. */
export const KEY_COLUMNS = 'key, first_number::text AS first, random_ends AS ends, ends_at::text AS at';

/** A key with the ids of its items. */
export function rowToKey({ key, first, ends, at }: KeyRow): CarriedKey {
  return { key, ids: idsInRow(BigInt(first), ends), endsAt: instantFromText(at) };
}

const NUMBER_LENGTH = 17;

/**
 * Keys as arrays for the columns `key`, `first_number`, `random_ends` and `ends_at`.
 *
 * @param mark what follows the random ends. Shorter than one of them.
 */
export function keyParameters(keys: readonly CarriedKey[], mark = ''): readonly unknown[] {
  const endOf = (id: ItemId) => id.slice(NUMBER_LENGTH);
  return [
    textArray(keys.map(({ key }) => key)),
    keys.map(({ ids: [first] }) => (first === undefined ? '0' : firstNumberOf(first).toString())),
    keys.map(({ ids }) => `${ids.map(endOf).join('')}${mark}`),
    keys.map(({ endsAt }) => instantToText(endsAt)),
  ];
}
