import { addDuration, type ExtendedItem, heldTooLong, type Instant, type Outcome } from '@querator/core';
import { findLeased } from './find-leased.ts';
import type { ItemTable } from './item-table.ts';

/** Gives leased items new lease deadlines, each by itself. */
export function extendLeases(
  table: ItemTable,
  items: readonly ExtendedItem[],
  now: Instant,
): readonly Outcome<Instant>[] {
  return items.map(({ id, leaseTimeout, maxHold }) => {
    const found = findLeased(table, id, 'extended');
    if (!found.ok) return found;
    if (maxHold !== undefined) {
      found.value.heldSince ??= now;
      if (now > addDuration(found.value.heldSince, maxHold)) {
        return { ok: false, error: heldTooLong(id, maxHold) };
      }
    }
    const leaseDeadline = addDuration(now, leaseTimeout);
    table.change(found.value, 'leased', leaseDeadline);
    return { ok: true, value: leaseDeadline };
  });
}
