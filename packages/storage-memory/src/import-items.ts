import {
  addDuration,
  contentBytes,
  type Duration,
  type ImportedItem,
  type Instant,
  isBudgetSpent,
  type StoredItem,
} from '@querator/core';
import type { EntryOf } from './append-items.ts';
import { storedFields } from './entry.ts';
import { waitingOr } from './entry-state.ts';
import type { ItemTable } from './item-table.ts';
import { keptFrom } from './kept-details.ts';
import { type PackedContent, unpackContent } from './packed-content.ts';
import { BYTES_AT_ONCE, inParts, type Pause } from './turns.ts';

/** How items are imported. */
export interface ImportOptions {
  readonly now: Instant;
  readonly expireTimeout: Duration;
  /** The state of items that are leased. */
  readonly leasedAs: 'leased' | 'prepared';
  readonly entryOf: EntryOf;
}

/** An item that was added to a table. */
interface Added {
  readonly fields: ReturnType<typeof storedFields>;
  readonly content: PackedContent;
}

/** Adds items in the given state; see core's `PartitionStore`. */
export function importItems(
  table: ItemTable,
  items: readonly ImportedItem[],
  options: ImportOptions,
): (StoredItem | undefined)[] {
  return addItems(table, items, options).map(toStored);
}

/**
 * As {@link importItems}, in several turns of the event loop if the items are many
 * or large. Nothing can fail after the first turn. Other calls see the items that
 * have been added so far.
 */
export async function importInTurns(
  table: ItemTable,
  items: readonly ImportedItem[],
  pause: Pause,
  optionsNow: () => ImportOptions,
): Promise<(StoredItem | undefined)[]> {
  const parts = [...inParts(items, contentBytes)];
  if (parts.length === 1 && !isHeavy(items)) return importItems(table, items, optionsNow());
  return table.largeCalls.run(async () => {
    const stored: (StoredItem | undefined)[] = [];
    for (const part of parts) {
      if (stored.length > 0) await pause();
      const added = addItems(table, part, optionsNow());
      if (isHeavy(part)) await pause();
      stored.push(...added.map(toStored));
    }
    return stored;
  });
}

/** Whether it takes a turn each to copy the contents into the table, and out of it. */
function isHeavy(items: readonly ImportedItem[]): boolean {
  return isBudgetSpent(items, BYTES_AT_ONCE);
}

function addItems(
  table: ItemTable,
  items: readonly ImportedItem[],
  { now, expireTimeout, leasedAs, entryOf }: ImportOptions,
): readonly (Added | undefined)[] {
  return items.map((item) => {
    if (item.sourceId !== undefined && table.bySource(item.sourceId) !== undefined) return undefined;
    const expireDeadline = item.expireDeadline ?? addDuration(now, expireTimeout);
    const isLeased = item.isLeased && item.enqueueAt === undefined;
    // A lease without a deadline counts as overdue.
    const leaseDeadline = isLeased ? (item.leaseDeadline ?? now) : undefined;
    const entry = entryOf(item, {
      sourceId: item.sourceId,
      createdAt: now,
      expireDeadline,
      attempts: item.attempts,
      maxAttempts: item.maxAttempts,
      kept: keptFrom(item.details),
      ...(item.enqueueAt === undefined
        ? waitingOr(leasedAs, leaseDeadline, expireDeadline)
        : waitingOr('scheduled', item.enqueueAt, expireDeadline)),
    });
    if (!isLeased && item.leaseDeadline !== undefined) entry.idleLeaseDeadline = item.leaseDeadline;
    table.append(entry);
    return { fields: storedFields(entry), content: entry.content };
  });
}

function toStored(added: Added | undefined): StoredItem | undefined {
  return added && { ...added.fields, ...unpackContent(added.content) };
}
