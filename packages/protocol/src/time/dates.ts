// biome-ignore-all lint/style/noRestrictedGlobals: converts given times, and reads no clock.

import type { Timestamp } from '../gen/google/protobuf/timestamp.ts';
import { isTimestampInRange, timestampOutOfRange } from './wire-time.ts';

/** A `Date`, under a name that sources other than this one may use. */
export type DateValue = Date;

/** Whether a value is a `Date`, be it invalid. */
export function isDate(value: unknown): value is DateValue {
  return value instanceof Date;
}

/**
 * The wire form of a `Date`.
 *
 * @throws QueueError `invalid` with the name of the field if the date is invalid, or
 *   not in the years 1 to 9999.
 */
export function dateToTimestamp(fieldName: string, date: DateValue): Timestamp {
  const ms = date.getTime();
  const seconds = Math.floor(ms / 1_000);
  const nanos = (ms - seconds * 1_000) * 1e6;
  if (!isTimestampInRange(seconds, nanos)) throw timestampOutOfRange(fieldName);
  return { seconds, nanos };
}

/** The `Date` of a time on the wire, rounded down to milliseconds. */
export function timestampToDate({ seconds, nanos }: Timestamp): DateValue {
  return new Date(seconds * 1_000 + Math.floor(nanos / 1e6));
}
