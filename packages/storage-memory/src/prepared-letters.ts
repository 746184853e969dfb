import {
  addDuration,
  type DeadLetter,
  type Duration,
  expireDeadlineFrom,
  type Instant,
  type ItemId,
} from '@querator/core';
import type { Entry } from './entry.ts';
import { type ImportOptions, importItems } from './import-items.ts';
import type { ItemTable } from './item-table.ts';

/** Adds prepared letters; see core's `PartitionStore`. */
export function prepareLetters(
  table: ItemTable,
  letters: readonly DeadLetter[],
  options: ImportOptions & { readonly autoCommitTimeout: Duration },
): void {
  const { now, expireTimeout } = options;
  const timeout = addDuration(now, options.autoCommitTimeout);
  for (const { sourceId, encoding, kind, reference, payload, details, dueAt } of letters) {
    const content = { sourceId, encoding, kind, reference, payload, details };
    const prepared = { isLeased: true, attempts: 0, maxAttempts: 0 };
    const leaseDeadline = laterOf(dueAt, timeout);
    const expireDeadline = expireDeadlineFrom(laterOf(dueAt, now), expireTimeout);
    const [stored] = importItems(
      table,
      [{ ...content, ...prepared, leaseDeadline, expireDeadline }],
      options,
    );
    const entry = stored && table.get(stored.id);
    if (entry !== undefined && dueAt !== undefined) entry.dueAt = dueAt;
  }
}

/** Makes prepared letters available. @param requeue puts an entry at the tail under a new id. @returns their number. */
export function commitLetters(
  table: ItemTable,
  sourceIds: readonly ItemId[],
  requeue: (entry: Entry) => void,
): number {
  const prepared = preparedLetters(table, sourceIds).sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const entry of prepared) requeue(entry);
  return prepared.length;
}

/** Removes prepared letters. @returns their number. */
export function abortLetters(table: ItemTable, sourceIds: readonly ItemId[]): number {
  const prepared = preparedLetters(table, sourceIds);
  for (const entry of prepared) table.remove(entry);
  return prepared.length;
}

/** Those source ids that belong to prepared letters. */
export function findLetters(table: ItemTable, sourceIds: readonly ItemId[]): readonly ItemId[] {
  return preparedLetters(table, sourceIds).flatMap(({ sourceId }) => sourceId ?? []);
}

function preparedLetters(table: ItemTable, sourceIds: readonly ItemId[]): Entry[] {
  return [...new Set(sourceIds)]
    .map((id) => table.bySource(id))
    .filter((entry) => entry !== undefined)
    .filter(({ state }) => state === 'prepared');
}

function laterOf(at: Instant | undefined, other: Instant): Instant {
  return at !== undefined && at > other ? at : other;
}
