import { type Instant, type ItemState, instantFromMicroseconds } from '@querator/core';

/**
 * How a moving item is stored. Such an item is dead, and claimed by the process that
 * moves it to the dead-letter queue.
 *
 * `is_leased` is true, so that no lease finds it. `lease_deadline` is the end of the
 * claim. `expire_deadline` is shifted by 100,000 years. That keeps its true value, and
 * puts the item at the far end of the `_exp` index. The search for expired items never
 * reaches that part. Any number of dead items may wait there for a dead-letter queue.
 */
const SHIFT_HOURS = 876_000_000;

/** Expire deadlines from here on belong to moving items. */
const SHIFTED_FROM = `'50000-01-01 00:00:00+00'::timestamptz`;
const SHIFTED_FROM_MICROSECONDS = 1_515_680_380_800_000_000n;

/** A moving item that is marked as moved is as many years later again. */
const MOVED_FROM = `'170000-01-01 00:00:00+00'::timestamptz`;
const MOVED_FROM_MICROSECONDS = 5_302_514_620_800_000_000n;

const SHIFT = `interval '${SHIFT_HOURS} hours'`;
const SHIFT_MICROSECONDS = BigInt(SHIFT_HOURS) * 3_600_000_000n;

/**
 * The item is leased or moving. For statements that find their rows by id, written so
 * that no index matches it. With old statistics, a plain `is_leased` beside a list of
 * ids leads the planner to an index with half of the table.
 */
export const LEASED_OR_MOVING = '(is_leased IS NOT FALSE)';

/** The item is moving. No index matches this either. */
export const MOVING = `((expire_deadline < ${SHIFTED_FROM}) IS NOT TRUE)`;

/** The expire deadline is the item's own. Bounds a range of the `_exp` index. */
export const LIVING = `expire_deadline < ${SHIFTED_FROM}`;

/**
 * The `max_attempts` of a prepared letter. An import refuses negative numbers, so
 * nothing else has it. It remains if a server of an earlier version makes the letter
 * available. But then the item waits, or has attempts.
 */
export const PREPARED_LETTER_MARK = -1;

/** The item is a prepared letter. No index matches this either. */
export const PREPARED_LETTER = `(max_attempts < 0 AND attempts = 0 AND ${LEASED_OR_MOVING} AND NOT ${MOVING})`;

/** SQL for the `max_attempts` of an item that is no longer a prepared letter. */
export const OWN_MAX_ATTEMPTS = 'greatest(max_attempts, 0)';

/**
 * SQL for the `expire_deadline` of an item that is or becomes moving.
 *
 * @param column the present one.
 */
export function movingDeadline(column = 'expire_deadline'): string {
  return `CASE WHEN ${column} < ${SHIFTED_FROM} THEN ${column} + ${SHIFT} ELSE ${column} END`;
}

/** SQL for the `expire_deadline` of a moving item that becomes marked as moved. */
export const MOVED_DEADLINE = `(expire_deadline + ${SHIFT})`;

/** SQL for whether a moving item is marked as moved. */
export const MOVED = `(expire_deadline >= ${MOVED_FROM})`;

/** The expire deadline without the shifts of a moving item. */
export function trueExpireDeadline(stored: Instant): Instant {
  return shiftedDeadline(stored, -shiftsIn(stored));
}

/** How often the expire deadline was shifted: 0 unless the item is dead, 2 if it is marked as moved. */
export function shiftsIn(stored: Instant): 0 | 1 | 2 {
  if (stored < SHIFTED_FROM_MICROSECONDS) return 0;
  return stored < MOVED_FROM_MICROSECONDS ? 1 : 2;
}

/** The expire deadline with that number of shifts. */
export function shiftedDeadline(deadline: Instant, shifts: number): Instant {
  return instantFromMicroseconds(deadline + BigInt(shifts) * SHIFT_MICROSECONDS);
}

/**
 * SQL for whether a row is an item in that state. Prepared letters are in none.
 *
 * @param taken SQL for whether a task has taken a scheduled item.
 */
export const stateConditions = (taken: string): Readonly<Record<ItemState, string>> => ({
  waiting: '(enqueue_at IS NULL AND NOT is_leased)',
  leased: `(enqueue_at IS NULL AND is_leased AND NOT ${MOVING} AND NOT ${PREPARED_LETTER})`,
  scheduled: `(enqueue_at IS NOT NULL AND NOT ${taken})`,
  dead: `(enqueue_at IS NULL AND is_leased AND ${MOVING})`,
  moving: `(enqueue_at IS NOT NULL AND ${taken})`,
});

/** SQL for the deadline of a row: see core's `dueOf`. @param taken as for `stateConditions`. */
export const dueSql = (
  taken: string,
) => `CASE WHEN enqueue_at IS NOT NULL THEN CASE WHEN NOT ${taken} THEN enqueue_at END
  WHEN NOT is_leased THEN expire_deadline WHEN NOT ${MOVING} THEN lease_deadline END`;

/**
 * The state of a row, if it is no prepared letter, and no task has taken the item.
 *
 * @param stored its `expire_deadline` as stored.
 */
export function stateOf(isLeased: boolean, isScheduled: boolean, stored: Instant): ItemState {
  if (isScheduled) return 'scheduled';
  if (!isLeased) return 'waiting';
  return stored < SHIFTED_FROM_MICROSECONDS ? 'leased' : 'dead';
}
