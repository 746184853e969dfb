import {
  type Duration,
  expireDeadlineFrom,
  type Instant,
  type ItemContent,
  type ItemId,
  type NewItem,
} from '@querator/core';
import type { Entry, EntryRest } from './entry.ts';
import { laterThanThreshold, waitingOr } from './entry-state.ts';
import type { ItemTable } from './item-table.ts';
import { keptOf } from './kept-details.ts';

/** Makes the entry of an item, with a new id. */
export type EntryOf = (content: ItemContent, rest: EntryRest) => Entry;

/** Items that were added to a table. */
export interface Appended {
  readonly ids: readonly ItemId[];
  /** How many of them are scheduled. */
  readonly scheduled: number;
}

/** Adds new items at the tail. */
export function appendItems(
  table: ItemTable,
  items: readonly NewItem[],
  {
    now,
    expireTimeout,
    entryOf,
  }: { readonly now: Instant; readonly expireTimeout: Duration; readonly entryOf: EntryOf },
): Appended {
  const fresh = { createdAt: now, attempts: 0 };
  const ids: ItemId[] = [];
  let scheduled = 0;
  for (const item of items) {
    const enqueueAt = laterThanThreshold(item.enqueueAt, now);
    if (enqueueAt !== undefined) scheduled++;
    const expireDeadline = expireDeadlineFrom(enqueueAt ?? now, expireTimeout);
    const entry = entryOf(item, {
      ...{ ...fresh, expireDeadline, kept: keptOf(item.metadata) },
      ...waitingOr('scheduled', enqueueAt, expireDeadline),
    });
    table.append(entry);
    ids.push(entry.id);
  }
  return { ids, scheduled };
}
