import { errorText, type Instant, instantFromMicroseconds, invalid, type QueueError } from '@querator/core';
import type { Timestamp } from '../gen/google/protobuf/timestamp.ts';

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, in seconds since the epoch. */
const EARLIEST_SECONDS = -62_135_596_800;
const LATEST_SECONDS = 253_402_300_799;

const SECONDS_PER_DAY = 86_400;

const RFC_3339 =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))$/;

/** Whether a timestamp is in the years 1 to 9999. Others have no text form. */
export function isTimestampInRange(seconds: number, nanos: number): boolean {
  return seconds >= EARLIEST_SECONDS && seconds <= LATEST_SECONDS && nanos >= 0 && nanos < 1e9;
}

/** The error for a time that is out of range. */
export function timestampOutOfRange(fieldName: string): QueueError {
  return invalid(
    errorText`${fieldName} is invalid; must be from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z`,
  );
}

/** The wire form of an instant. Exact: the wire has nanoseconds, an instant microseconds. */
export function toTimestamp(instant: Instant): Timestamp {
  const micros = Number(instant);
  if (Number.isSafeInteger(micros)) {
    const seconds = Math.floor(micros / 1e6);
    return { seconds, nanos: (micros - seconds * 1e6) * 1_000 };
  }
  const rest = ((instant % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return { seconds: Number((instant - rest) / 1_000_000n), nanos: Number(rest) * 1_000 };
}

/** The instant of a wire timestamp, rounded down to microseconds. */
export function fromTimestamp(timestamp: Timestamp): Instant {
  return instantFromMicroseconds(
    BigInt(timestamp.seconds) * 1_000_000n + BigInt(Math.floor(timestamp.nanos / 1_000)),
  );
}

/** Like {@link fromTimestamp}, for a field that may be undefined. */
export function fromOptionalTimestamp(timestamp: Timestamp | undefined): Instant | undefined {
  return timestamp === undefined ? undefined : fromTimestamp(timestamp);
}

/**
 * Formats a timestamp as RFC 3339 in UTC. The fraction has 0, 3, 6 or 9 digits,
 * the fewest that are exact.
 */
export function formatTimestamp(timestamp: Timestamp): string {
  const { seconds, nanos } = timestamp;
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  const time = seconds - days * SECONDS_PER_DAY;
  const hour = Math.floor(time / 3_600);
  const minute = Math.floor((time % 3_600) / 60);
  return `${formatDay(days)}T${two(hour)}:${two(minute)}:${two(time % 60)}${formatFraction(nanos)}Z`;
}

/**
 * Parses an RFC 3339 text: upper-case `T` and `Z`, an offset or `Z`, at most
 * nine fraction digits, years 1 to 9999.
 *
 * @returns undefined if the text is malformed.
 */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const part = (index: number): number => Number(match[index] ?? 0);
  const [year, month, day] = [part(1), part(2), part(3)];
  const [hour, minute, second] = [part(4), part(5), part(6)];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59 || part(9) > 23 || part(10) > 59) return undefined;
  const offset = (part(9) * 3_600 + part(10) * 60) * (match[8] === '-' ? -1 : 1);
  const seconds =
    daysFromCivil(year, month, day) * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second - offset;
  const nanos = Number((match[7] ?? '').padEnd(9, '0'));
  return isTimestampInRange(seconds, nanos) ? { seconds, nanos } : undefined;
}

function formatFraction(nanos: number): string {
  if (nanos === 0) return '';
  const digits = nanos.toString().padStart(9, '0');
  if (nanos % 1_000_000 === 0) return `.${digits.slice(0, 3)}`;
  return nanos % 1_000 === 0 ? `.${digits.slice(0, 6)}` : `.${digits}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

// The calendar arithmetic uses eras of 400 years. They begin on 1 March, so that
// the leap day is the last day of its year. A Date would be one more object per
// item, and it reads years below 100 as 19xx.
const DAYS_PER_ERA = 146_097;
const DAYS_BEFORE_EPOCH = 719_468;

function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * DAYS_PER_ERA + dayOfEra - DAYS_BEFORE_EPOCH;
}

function formatDay(days: number): string {
  const shifted = days + DAYS_BEFORE_EPOCH;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${year.toString().padStart(4, '0')}-${two(month)}-${two(day)}`;
}
