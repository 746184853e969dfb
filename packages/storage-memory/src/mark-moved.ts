import type { ItemId, MarkResult } from '@querator/core';
import type { ItemTable } from './item-table.ts';

/** Marks moving items as moved, and keeps their claims. */
export function markMoved(table: ItemTable, ids: readonly ItemId[]): MarkResult {
  const marked: ItemId[] = [];
  const markedBefore: ItemId[] = [];
  for (const id of new Set(ids)) {
    const entry = table.get(id);
    if (entry?.state === 'moved') markedBefore.push(id);
    if (entry?.state !== 'moving') continue;
    table.change(entry, 'moved', entry.due);
    marked.push(id);
  }
  return { marked, markedBefore };
}
