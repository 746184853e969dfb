import {
  type DeathRules,
  type Instant,
  instantFromMicroseconds,
  type RetriedItem,
  type RetryResult,
} from '@querator/core';
import type { Entry } from './entry.ts';
import { laterThanThreshold } from './entry-state.ts';
import type { ItemTable } from './item-table.ts';

/** The deadline of a moving item without a claim: always due. */
const AT_ONCE: Instant = instantFromMicroseconds(0n);

/**
 * Gives a leased entry back.
 *
 * @param requeue puts an entry at the tail under a new id.
 * @returns its next state.
 */
export function giveBack(
  table: ItemTable,
  entry: Entry,
  { retryAt, dead, error }: RetriedItem,
  rules: DeathRules,
  { now, requeue }: { readonly now: Instant; readonly requeue: (entry: Entry) => void },
): keyof RetryResult {
  if (error !== undefined) entry.kept = { ...entry.kept, error };
  if (dead || (rules.maxAttempts !== 0 && entry.attempts >= rules.maxAttempts)) {
    if (rules.dead === 'delete') {
      table.remove(entry);
      return 'deleted';
    }
    entry.kept = { ...entry.kept, death: { at: now, reason: dead ? 'rejected' : 'attempts' } };
    table.change(entry, 'moving', AT_ONCE);
    return 'moving';
  }
  const enqueueAt = laterThanThreshold(retryAt, now);
  if (enqueueAt === undefined) {
    requeue(entry);
    return 'waiting';
  }
  table.change(entry, 'scheduled', enqueueAt);
  return 'scheduled';
}
