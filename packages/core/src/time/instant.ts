import { type Duration, toMicroseconds } from './duration.ts';

/**
 * A point in time in microseconds since 1970-01-01T00:00:00Z, PostgreSQL's
 * precision. A bigint, because a double cannot represent the microseconds of the
 * year 9999 exactly. An imported deadline must come back unchanged.
 */
export type Instant = bigint & { readonly [unit]: 'microseconds since the epoch' };
declare const unit: unique symbol;

/** The instant `count` microseconds after the epoch; before it if negative. */
export function instantFromMicroseconds(count: bigint): Instant {
  return count as Instant;
}

/** The instant `count` milliseconds after the epoch, rounded to the nearest microsecond. */
export function instantFromMilliseconds(count: number): Instant {
  // Multiplies as bigint: a double can represent the year 9999 in milliseconds, but not in microseconds.
  const whole = Math.trunc(count);
  return (BigInt(whole) * 1_000n + BigInt(Math.round((count - whole) * 1_000))) as Instant;
}

/** `instant` plus `duration`, truncated to microseconds. */
export function addDuration(instant: Instant, duration: Duration): Instant {
  return (instant + toMicroseconds(duration)) as Instant;
}

/** 9999-12-31T23:59:59.999999Z, the last instant that the wire can represent. */
export const LAST_INSTANT: Instant = instantFromMicroseconds(253_402_300_799_999_999n);

/**
 * The expire deadline of an item that enters the queue at `from`:
 * `expireTimeout` later, at most {@link LAST_INSTANT}.
 */
export function expireDeadlineFrom(from: Instant, expireTimeout: Duration): Instant {
  const deadline = addDuration(from, expireTimeout);
  return deadline < LAST_INSTANT ? deadline : LAST_INSTANT;
}

/** Milliseconds from `earlier` to `later`; negative if `later` is before `earlier`. */
export function millisecondsBetween(earlier: Instant, later: Instant): number {
  return Number(later - earlier) / 1_000;
}

/**
 * 0001-01-01T00:00:00Z, Go's zero time. On the wire it means a time that is
 * not set, where clients expect a value.
 */
export const UNSET_INSTANT: Instant = instantFromMicroseconds(-62_135_596_800_000_000n);

/** The instant as in RFC 3339, in UTC and rounded down to milliseconds. */
export function instantText(instant: Instant): string {
  // biome-ignore lint/style/noRestrictedGlobals: the calendar is wanted, not the clock.
  return new Date(Number(instant / 1_000n)).toISOString();
}
