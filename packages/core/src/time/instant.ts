import { type Duration, toMicroseconds } from './duration.ts';

/**
 * A point in time: microseconds since 1970-01-01T00:00:00Z, PostgreSQL's own
 * precision. A bigint, because the year 9999 in microseconds is beyond what a
 * double holds exactly, and an imported deadline must come back unchanged.
 */
export type Instant = bigint & { readonly [unit]: 'microseconds since the epoch' };
declare const unit: unique symbol;

/** The point in time so many microseconds after (or, negative, before) the epoch. */
export function instantFromMicroseconds(count: bigint): Instant {
  return count as Instant;
}

/** The point in time of a `Date.now()`-like millisecond count, to the nearest microsecond. */
export function instantFromMilliseconds(count: number): Instant {
  // Multiplied as a bigint: a double holds the milliseconds of the year 9999, but not its microseconds.
  const whole = Math.trunc(count);
  return (BigInt(whole) * 1_000n + BigInt(Math.round((count - whole) * 1_000))) as Instant;
}

/** `instant` moved by `duration`; parts of a microsecond are cut off. */
export function addDuration(instant: Instant, duration: Duration): Instant {
  return (instant + toMicroseconds(duration)) as Instant;
}

/** 9999-12-31T23:59:59.999999Z, the last instant that can cross the wire. */
export const LAST_INSTANT: Instant = instantFromMicroseconds(253_402_300_799_999_999n);

/**
 * When an item has been in the queue for too long that enters it at `from`:
 * `expireTimeout` later, but no later than {@link LAST_INSTANT}.
 */
export function expireDeadlineFrom(from: Instant, expireTimeout: Duration): Instant {
  const deadline = addDuration(from, expireTimeout);
  return deadline < LAST_INSTANT ? deadline : LAST_INSTANT;
}

/** How far `later` lies after `earlier`, in milliseconds; negative when it lies before. */
export function millisecondsBetween(earlier: Instant, later: Instant): number {
  return Number(later - earlier) / 1_000;
}

/**
 * How a time that is not set crosses the wire where clients expect a value:
 * 0001-01-01T00:00:00Z, the zero time of Go (messages.md, "timestamps").
 */
export const UNSET_INSTANT: Instant = instantFromMicroseconds(-62_135_596_800_000_000n);
