import {
  ATTEMPTS_MAX,
  addDuration,
  detailsBytes,
  type Instant,
  type ItemId,
  type LeaseBatch,
  type LeasedItem,
} from '@querator/core';
import type { ItemTable } from './item-table.ts';
import { detailsOf } from './kept-details.ts';
import { packedBytes, unpackContent } from './packed-content.ts';

/** Leases the oldest waiting items, until their contents have as many bytes as the budget. */
export function leaseItems(
  table: ItemTable,
  { limit, leaseTimeout, details }: LeaseBatch,
  payloadBudget: number,
  now: Instant,
): readonly LeasedItem[] {
  const leaseDeadline = addDuration(now, leaseTimeout);
  const leased: LeasedItem[] = [];
  let bytes = 0;
  while (leased.length < limit && bytes < payloadBudget) {
    const entry = table.oldestWaiting();
    if (entry === undefined) break;
    entry.attempts = Math.min(entry.attempts, ATTEMPTS_MAX - 1) + 1;
    if (entry.idleLeaseDeadline !== undefined) delete entry.idleLeaseDeadline;
    table.change(entry, 'leased', leaseDeadline);
    const content = unpackContent(entry.content);
    bytes += packedBytes(entry.content);
    const item = { id: entry.id, attempts: entry.attempts, leaseDeadline, ...content };
    if (details !== true) {
      leased.push(item);
      continue;
    }
    const kept = detailsOf(entry);
    bytes += detailsBytes(kept);
    leased.push({ ...item, createdAt: entry.createdAt, details: kept });
  }
  return leased;
}

/** Undoes leases; see core's `PartitionStore`. @returns the number of items that wait again. */
export function releaseItems(table: ItemTable, ids: readonly ItemId[]): number {
  let released = 0;
  for (const id of ids) {
    const entry = table.get(id);
    if (entry?.state !== 'leased') continue;
    entry.attempts = Math.max(entry.attempts - 1, 0);
    table.change(entry, 'waiting', entry.expireDeadline);
    released++;
  }
  return released;
}
