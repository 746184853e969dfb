import {
  type Duration,
  type Instant,
  type ItemId,
  invariant,
  type KeyedProduceResult,
  type LeaseBatch,
  type LeasedItem,
} from '@querator/core';
import type { Session } from '../database/database.ts';
import { idsInRow, newIds, randomEndsAt } from '../sql/new-item-id.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { durationToText } from '../wire/instant-text.ts';
import { dueTimes, insertItems } from './insert-items.ts';
import type { BatchKey, KeyedBatch, KnownKey } from './keyed-batch.ts';
import { intArray, type KeyedRow, keyedShape, keyParameters } from './keyed-shape.ts';
import { newLeasedItems } from './new-leased-items.ts';

/** How the items of a keyed statement are stored. */
export interface KeyedInsertion {
  readonly expireTimeout: Duration;
  /** See core's `KeyedProduceOptions`. */
  readonly keySpread: number;
  /** The first new items are leased if no item waits. Undefined: none is leased. */
  readonly lease?: KeyedLease | undefined;
}

/** A lease of new items, none of which is scheduled. */
export interface KeyedLease extends LeaseBatch {
  /** No item is known to wait below this id. */
  readonly from: ItemId;
}

/** What a keyed statement did. */
export interface KeyedInserted {
  readonly results: readonly KeyedProduceResult[];
  /** The leased items, in the order of their ids. */
  readonly leased: readonly LeasedItem[];
}

/** Stores the new keys of a batch and their items in one statement. */
export async function insertKeyed(
  send: Session['query'],
  context: PartitionContext,
  batch: KeyedBatch,
  { expireTimeout, keySpread, lease }: KeyedInsertion,
): Promise<KeyedInserted> {
  const { items, keys } = batch;
  if (keys.length === 0) return { results: batch.results([]), leased: [] };
  const hasSchedules = items.some((item) => item.enqueueAt !== undefined);
  const ids = newIds(context, items.length);
  const kind = lease ? 'leased' : hasSchedules ? 'scheduled' : 'plain';
  const shape = keyedShape(context.table, kind, keySpread);
  const rows = await send<KeyedRow>(
    insertItems(context, shape, { items, ids, expireTimeout }, [
      ...(lease ? [lease.from, lease.limit, durationToText(lease.leaseTimeout)] : []),
      ...(hasSchedules ? [dueTimes(items)] : []),
      intArray(batch.keyPlaces()),
      ...keyParameters(keys),
    ]),
  );
  const later = new Set(rows.flatMap((row) => (row.is === 'scheduled' ? row.position : [])));
  let leaseDeadline: Instant | undefined;
  const known = rows.flatMap((row, place): KnownKey[] => {
    const key = keys[place];
    if (row.is === 'scheduled' || key === undefined) return [];
    if (row.is === 'held') return [heldKey(row.number, row.ends)];
    const { position } = key;
    leaseDeadline ??= row.leaseDeadline;
    const scheduled = key.items.filter((_, n) => later.has(position + n)).length;
    const leased = lease === undefined || row.leaseDeadline === undefined ? 0 : leasedOf(key, lease.limit);
    const ends = randomEndsAt(ids, position, key.items.length);
    return [{ isNew: true, ids: idsInRow(row.number, ends), scheduled, leased }];
  });
  invariant(known.length === keys.length, 'a keyed statement returns a row for every key');
  const newest = known.findLast(({ isNew }) => isNew)?.ids[0];
  context.table.numbers.observeId(newest);
  const results = batch.results(known);
  if (lease === undefined || leaseDeadline === undefined) return { results, leased: [] };
  const taken = batch.leased(known);
  const newLease = { leaseDeadline, leaseTimeout: lease.leaseTimeout, details: lease.details };
  return { results, leased: newLeasedItems(context, taken.items, taken.ids, newLease) };
}

/** A key that was stored before. @param ends see `idsInRow`. */
export function heldKey(firstNumber: bigint, ends: string): KnownKey {
  return { isNew: false, ids: idsInRow(firstNumber, ends), scheduled: 0, leased: 0 };
}

/** How many items of a new key are leased: those whose position in the statement is within the limit. */
function leasedOf({ position, items }: BatchKey, limit: number): number {
  return Math.min(Math.max(limit - position + 1, 0), items.length);
}
