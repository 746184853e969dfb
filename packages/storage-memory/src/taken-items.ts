import {
  type Instant,
  type ItemId,
  LAST_INSTANT,
  type MarkResult,
  PAYLOAD_BUDGET,
  type TakenIds,
  type TakenItem,
  type TakeRequest,
  type TakeResult,
  takenTooLate,
} from '@querator/core';
import { type Entry, type TakenEntry, toDetailedItem } from './entry.ts';
import { waitingOr } from './entry-state.ts';
import type { ItemTable } from './item-table.ts';
import { packedBytes } from './packed-content.ts';

type Taken = Entry & { taken: TakenEntry };

/** Takes entries for a task. */
export function takeItems(
  table: ItemTable,
  { task, ids, target, before, state: asked = 'waiting' }: TakeRequest,
  now: Instant,
): TakeResult {
  if (before !== undefined && now >= before) throw takenTooLate();
  const entries = inOrder(table, ids).filter(({ state, taken }) =>
    taken === undefined ? state === asked : taken.task === task && !taken.isMarked,
  );
  let bytes = 0;
  let count = 0;
  for (const entry of entries) {
    if (bytes >= PAYLOAD_BUDGET) break;
    bytes += packedBytes(entry.content);
    count++;
    if (entry.taken !== undefined) continue;
    if (entry.state === 'scheduled') entry.dueAt = entry.due;
    table.change(entry, 'scheduled', LAST_INSTANT);
    entry.taken = { task, target, isMarked: false };
  }
  return {
    taken: (entries.slice(0, count) as Taken[]).map((entry) => ({
      ...toDetailedItem(entry),
      ...toTaken(entry),
    })),
    left: entries.slice(count).map(({ id }) => id),
  };
}

/** The entries that a task has taken. */
export function takenItems(table: ItemTable, task: string, limit: number): readonly TakenItem[] {
  const found: TakenItem[] = [];
  for (const entry of table.from('')) {
    if (found.length === limit) break;
    if (isTakenBy(entry, task)) found.push(toTaken(entry));
  }
  return found;
}

/** Marks taken entries. */
export function markTaken(table: ItemTable, request: TakenIds): MarkResult {
  const marked: ItemId[] = [];
  const markedBefore: ItemId[] = [];
  for (const { id, taken } of takenOf(table, request)) {
    (taken.isMarked ? markedBefore : marked).push(id);
    taken.isMarked = true;
    table.onChange?.(id);
  }
  return { marked, markedBefore };
}

/** Undoes a take. */
export function returnTaken(table: ItemTable, request: TakenIds): number {
  const entries = takenOf(table, request).filter(({ taken }) => !taken.isMarked);
  for (const entry of entries as Entry[]) {
    const { dueAt } = entry;
    entry.taken = undefined;
    delete entry.dueAt;
    const { state, due } = waitingOr('scheduled', dueAt, entry.expireDeadline);
    table.change(entry, state, due);
  }
  return entries.length;
}

/** Removes marked entries. */
export function removeTaken(table: ItemTable, request: TakenIds): void {
  for (const entry of takenOf(table, request)) if (entry.taken.isMarked) table.remove(entry);
}

function takenOf(table: ItemTable, { task, ids }: TakenIds): readonly Taken[] {
  return inOrder(table, ids).filter((entry) => isTakenBy(entry, task));
}

function inOrder(table: ItemTable, ids: readonly ItemId[]): readonly Entry[] {
  return [...new Set(ids)]
    .map((id) => table.get(id))
    .filter((entry) => entry !== undefined)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function isTakenBy(entry: Entry, task: string): entry is Taken {
  return entry.taken !== undefined && entry.taken.task === task;
}

function toTaken({ id, dueAt, taken: { target, isMarked } }: Taken): TakenItem {
  return { id, target, isMarked, ...(dueAt !== undefined && { dueAt }) };
}
