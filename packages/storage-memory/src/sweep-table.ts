import {
  addDuration,
  type DeathReason,
  type Instant,
  type ItemId,
  millisecondsBetween,
  PAYLOAD_BUDGET,
  type StoredItem,
  type SweepRequest,
  type SweepResult,
} from '@querator/core';
import { type Entry, toDetailedItem } from './entry.ts';
import type { ItemTable } from './item-table.ts';
import { packedBytes } from './packed-content.ts';

/** A deadline is due once it has passed: a microsecond later. */
const PAST_DEADLINE_MS = 0.001;

/**
 * Applies due deadlines, earliest first. Stops when none is due, or when one kind
 * of work reaches the limit. Also stops when the contents of the reported dead
 * items reach the payload budget.
 *
 * @param requeue puts an entry at the tail under a new id.
 */
export function sweepTable(
  table: ItemTable,
  { limit, maxAttempts, dead, claimTimeout }: SweepRequest,
  now: Instant,
  requeue: (entry: Entry) => void,
): SweepResult {
  const counts = { enqueued: 0, requeued: 0, deleted: 0 };
  const reported: StoredItem[] = [];
  const moved: ItemId[] = [];
  const claimedUntil = addDuration(now, claimTimeout);
  let bytes = 0;
  const isFull = () =>
    Math.max(counts.enqueued, counts.requeued, counts.deleted, reported.length + moved.length) >= limit;

  while (!isFull() && bytes < PAYLOAD_BUDGET) {
    const entry = table.takeDue(now);
    if (entry === undefined) break;
    if (entry.state === 'scheduled') {
      requeue(entry);
      counts.enqueued++;
    } else if (
      (entry.state === 'leased' || entry.state === 'prepared') &&
      !isUsedUp(entry, maxAttempts, now)
    ) {
      requeue(entry);
      counts.requeued++;
    } else if (dead === 'delete') {
      table.remove(entry);
      counts.deleted++;
    } else if (entry.state === 'moved') {
      table.change(entry, 'moved', claimedUntil);
      moved.push(entry.id);
    } else {
      if (entry.state !== 'moving') {
        entry.kept = { ...entry.kept, death: { at: now, reason: reasonOf(entry, maxAttempts) } };
      }
      table.change(entry, 'moving', claimedUntil);
      reported.push(toDetailedItem(entry));
      bytes += packedBytes(entry.content);
    }
  }
  return { ...counts, dead: reported, moved, nextDueMs: untilNextDue(table, now) };
}

/** Whether an item whose lease ended is dead. */
function isUsedUp(entry: Entry, maxAttempts: number, now: Instant): boolean {
  return isOutOfAttempts(entry, maxAttempts) || now > entry.expireDeadline;
}

/** Why an item that is due is dead. */
function reasonOf(entry: Entry, maxAttempts: number): DeathReason {
  return entry.state === 'leased' && isOutOfAttempts(entry, maxAttempts) ? 'attempts' : 'expired';
}

function isOutOfAttempts({ attempts }: Entry, maxAttempts: number): boolean {
  return maxAttempts !== 0 && attempts >= maxAttempts;
}

function untilNextDue(table: ItemTable, now: Instant): number | undefined {
  const due = table.nextDue();
  return due === undefined ? undefined : Math.max(0, millisecondsBetween(now, due) + PAST_DEADLINE_MS);
}
