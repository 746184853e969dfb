import type { ItemId, SeenItem } from '@querator/core';
import { isMoving } from './entry.ts';
import type { ItemTable } from './item-table.ts';

/** Removes entries in any state. @returns the ids of those that were there. */
export function deleteEach(table: ItemTable, ids: readonly ItemId[]): readonly ItemId[] {
  const found = [...new Set(ids)].map((id) => table.get(id)).filter((entry) => entry !== undefined);
  for (const entry of found) table.remove(entry);
  return found.map(({ id }) => id);
}

/** Removes entries that are as they were seen. @returns their number. */
export function deleteSeen(table: ItemTable, items: readonly SeenItem[]): number {
  let deleted = 0;
  for (const { id, state, attempts } of items) {
    const entry = table.get(id);
    if (entry === undefined || entry.state !== state || entry.attempts !== attempts) continue;
    table.remove(entry);
    deleted++;
  }
  return deleted;
}

/** Removes entries that are dead and wait for their move. */
export function removeMoving(table: ItemTable, ids: readonly ItemId[]): void {
  for (const id of ids) {
    const entry = table.get(id);
    if (entry !== undefined && isMoving(entry)) table.remove(entry);
  }
}
