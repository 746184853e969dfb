import {
  type Instant,
  type ItemId,
  instantFromMicroseconds,
  type LeaseBatch,
  type LeasedItem,
  type NewItem,
  toMicroseconds,
} from '@querator/core';
import { NO_METADATA } from '../sql/item-details.ts';
import type { PartitionContext } from '../sql/partition-table.ts';

/** The lease of items that were stored as leased. */
export interface NewLease extends Pick<LeaseBatch, 'leaseTimeout' | 'details'> {
  readonly leaseDeadline: Instant;
}

/**
 * Items that were stored as leased, as a lease would return them. The contents are those
 * that were stored, so the database need not return them.
 */
export function newLeasedItems(
  { table }: PartitionContext,
  items: readonly NewItem[],
  ids: readonly ItemId[],
  { leaseDeadline, leaseTimeout, details }: NewLease,
): readonly LeasedItem[] {
  // Both times are those of the same statement.
  const createdAt = instantFromMicroseconds(leaseDeadline - toMicroseconds(leaseTimeout));
  const hasDetails = details === true && table.metadata.isThere;
  return items.map(({ encoding, kind, reference, payload, metadata = NO_METADATA }, n) => {
    const id = ids[n] as ItemId;
    const item = { id, attempts: 1, leaseDeadline, encoding, kind, reference, payload };
    return hasDetails ? { ...item, createdAt, details: { firstId: id, metadata } } : item;
  });
}
