import type { Instant, ItemId } from '@querator/core';
import type { ItemTable } from './item-table.ts';

/** Makes scheduled entries due now, unless a task has taken them. @returns their number. */
export function makeDue(table: ItemTable, ids: readonly ItemId[], now: Instant): number {
  let made = 0;
  for (const id of ids) {
    const entry = table.get(id);
    if (entry?.state !== 'scheduled' || entry.taken !== undefined || entry.due <= now) continue;
    table.change(entry, 'scheduled', now);
    made++;
  }
  return made;
}
