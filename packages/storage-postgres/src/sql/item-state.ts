import { type Instant, instantFromMicroseconds } from '@querator/core';

/**
 * How a moving item is told from a leased one: dead, and kept aside until
 * it is moved to the dead-letter queue.
 *
 * `is_leased` is true, so that no lease finds it; `lease_deadline` is the end
 * of the claim of whoever is moving it; and `expire_deadline` lies 100,000
 * years late. That keeps the true one, and puts the item at the far end of the
 * `_exp` index, where the search for expired items never comes: dead items
 * without a dead-letter queue to go to may pile up.
 */
const SHIFT_HOURS = 876_000_000;

/** No living item can have this expire deadline; a moving one has a later one. */
const SHIFTED_FROM = `'50000-01-01 00:00:00+00'::timestamptz`;
const SHIFTED_FROM_MICROSECONDS = 1_515_680_380_800_000_000n;

/** A moving item that was marked as moved lies as many years later again. */
const MOVED_FROM = `'170000-01-01 00:00:00+00'::timestamptz`;
const MOVED_FROM_MICROSECONDS = 5_302_514_620_800_000_000n;

const SHIFT = `interval '${SHIFT_HOURS} hours'`;
const SHIFT_MICROSECONDS = BigInt(SHIFT_HOURS) * 3_600_000_000n;

/**
 * Somebody holds a lease on the item, or it is moving. For statements that
 * find their rows by id, and written so that no index matches it: next to a
 * list of ids a plain `is_leased` draws the planner, on old statistics, away
 * from the primary key and to an index that holds half the table.
 */
export const HELD = '(is_leased IS NOT FALSE)';

/** The item is moving. No index matches this either. */
export const MOVING = `((expire_deadline < ${SHIFTED_FROM}) IS NOT TRUE)`;

/** The item's expire deadline is its own. Bounds a range of the `_exp` index. */
export const LIVING = `expire_deadline < ${SHIFTED_FROM}`;

/**
 * The `max_attempts` of a letter that is held back on its way into this queue.
 * An import refuses negative numbers, so nothing else gets it. It stays behind
 * where a server of an earlier version makes the letter available; the item
 * then waits, or has attempts.
 */
export const PREPARED_LETTER_MARK = -1;

/** The item is a letter that is held back. No index matches this either. */
export const PREPARED_LETTER = `(max_attempts < 0 AND attempts = 0 AND ${HELD} AND NOT ${MOVING})`;

/** SQL for the `max_attempts` of an item that is no prepared letter any more. */
export const OWN_MAX_ATTEMPTS = 'greatest(max_attempts, 0)';

/**
 * SQL for the `expire_deadline` of an item that is or becomes moving.
 *
 * @param column the present one.
 */
export function movingDeadline(column = 'expire_deadline'): string {
  return `CASE WHEN ${column} < ${SHIFTED_FROM} THEN ${column} + ${SHIFT} ELSE ${column} END`;
}

/** SQL for the `expire_deadline` of a moving item that is marked as moved now. */
export const MOVED_DEADLINE = `(expire_deadline + ${SHIFT})`;

/** SQL for whether a moving item is marked as moved. */
export const MOVED = `(expire_deadline >= ${MOVED_FROM})`;

/** The expire deadline an item had before it may have been moving. */
export function trueExpireDeadline(stored: Instant): Instant {
  if (stored < SHIFTED_FROM_MICROSECONDS) return stored;
  const shifts = stored < MOVED_FROM_MICROSECONDS ? 1n : 2n;
  return instantFromMicroseconds(stored - shifts * SHIFT_MICROSECONDS);
}
