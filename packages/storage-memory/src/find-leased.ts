import { type ItemId, itemNotLeased, noSuchItem, type Outcome } from '@querator/core';
import type { Entry } from './entry.ts';
import type { ItemTable } from './item-table.ts';

/** The entries of all ids, or the error for the first id that is not leased. */
export function findLeased(
  table: ItemTable,
  ids: readonly ItemId[],
  action: 'completed' | 'retried',
): Outcome<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const id of ids) {
    const entry = table.get(id);
    if (entry?.state === 'waiting') return { ok: false, error: itemNotLeased(id, action) };
    if (entry?.state !== 'leased') return { ok: false, error: noSuchItem(id) };
    entries.push(entry);
  }
  return { ok: true, value: entries };
}
