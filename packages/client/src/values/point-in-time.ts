// biome-ignore-all lint/style/noRestrictedGlobals: converts given times, and reads no clock.

import { errorText, type Instant, instantFromMilliseconds, LAST_INSTANT } from '@querator/core';

/** A `Date`, under a name that sources other than this one may use. */
export type DateValue = Date;

/** A point in time: a `Date`, a number of milliseconds since 1970, or a text as in RFC 3339. */
export type PointInTime = Date | number | string;

/**
 * Reads a point in time of an option or item.
 *
 * @param name of the option or field, for the error.
 * @throws TypeError if it is none, or outside the years 1970 to 9999.
 */
export function toInstant(name: string, time: PointInTime): Instant {
  const count = typeof time === 'number' ? time : new Date(time).getTime();
  const instant = Number.isFinite(count) && count >= 0 ? instantFromMilliseconds(count) : undefined;
  if (instant === undefined || instant > LAST_INSTANT) {
    throw new TypeError(errorText`${name} is invalid; '${String(time)}' is not a time from 1970 to 9999`);
  }
  return instant;
}

/** The same point in time, rounded down to milliseconds. */
export function toDate(instant: Instant): Date {
  return new Date(Number(instant / 1_000n));
}
