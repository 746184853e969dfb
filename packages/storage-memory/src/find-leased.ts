import {
  type ItemId,
  itemNotLeased,
  itemScheduled,
  type LeaseAction,
  noSuchItem,
  type Outcome,
  type QueueError,
} from '@querator/core';
import type { Entry, EntryState } from './entry.ts';
import type { ItemTable } from './item-table.ts';

/** The entries of all ids, or the error for the first id that is not leased. */
export function findAllLeased(
  table: ItemTable,
  ids: readonly ItemId[],
  action: LeaseAction,
): Outcome<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const id of ids) {
    const found = findLeased(table, id, action);
    if (!found.ok) return found;
    entries.push(found.value);
  }
  return { ok: true, value: entries };
}

/** The entry of an id, or the error if it is not leased. */
export function findLeased(table: ItemTable, id: ItemId, action: LeaseAction): Outcome<Entry> {
  const entry = table.get(id);
  if (entry?.state === 'leased') return { ok: true, value: entry };
  return { ok: false, error: fault(id, entry?.state, action) };
}

function fault(id: ItemId, state: EntryState | undefined, action: LeaseAction): QueueError {
  if (state === 'waiting') return itemNotLeased(id, action);
  return state === 'scheduled' ? itemScheduled(id, action) : noSuchItem(id);
}
