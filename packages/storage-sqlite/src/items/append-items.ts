import {
  addDuration,
  type Duration,
  expireDeadlineFrom,
  type Instant,
  type ItemId,
  type NewItem,
  SCHEDULE_THRESHOLD,
} from '@querator/core';
import { STATE } from './item-row.ts';
import type { ItemTable } from './item-table.ts';
import { keptOf } from './kept.ts';

/** Items that were added to a table. */
export interface Appended {
  readonly ids: readonly ItemId[];
  /** How many of them are scheduled. */
  readonly scheduled: number;
}

/** `at` if it is at least the schedule threshold ahead. */
export function laterThanThreshold(at: Instant | undefined, now: Instant): Instant | undefined {
  return at !== undefined && at >= addDuration(now, SCHEDULE_THRESHOLD) ? at : undefined;
}

/** Adds new items at the tail. */
export function appendItems(
  table: ItemTable,
  items: readonly NewItem[],
  { now, expireTimeout }: { readonly now: Instant; readonly expireTimeout: Duration },
): Appended {
  const atOnce = expireDeadlineFrom(now, expireTimeout);
  let scheduled = 0;
  const ids = items.map(({ enqueueAt, metadata, ...content }) => {
    const later = laterThanThreshold(enqueueAt, now);
    if (later !== undefined) scheduled++;
    return table.append({
      ...content,
      state: later === undefined ? STATE.waiting : STATE.scheduled,
      due: later ?? atOnce,
      createdAt: now,
      expireDeadline: later === undefined ? atOnce : expireDeadlineFrom(later, expireTimeout),
      attempts: 0,
      maxAttempts: 0,
      kept: keptOf(metadata),
    });
  });
  return { ids, scheduled };
}
