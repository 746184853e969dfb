import { addDuration, type ExtendedItem, type Instant, type Outcome } from '@querator/core';
import { findLeased } from './find-leased.ts';
import type { ItemTable } from './item-table.ts';

/** Gives leased items new lease deadlines, each by itself. */
export function extendLeases(
  table: ItemTable,
  items: readonly ExtendedItem[],
  now: Instant,
): readonly Outcome<Instant>[] {
  return items.map(({ id, leaseTimeout }) => {
    const found = findLeased(table, id, 'extended');
    if (!found.ok) return found;
    const leaseDeadline = addDuration(now, leaseTimeout);
    table.change(found.value, 'leased', leaseDeadline);
    return { ok: true, value: leaseDeadline };
  });
}
