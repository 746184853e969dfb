import {
  type Duration,
  type Instant,
  instantFromMicroseconds,
  toMicroseconds,
  UNSET_INSTANT,
} from '@querator/core';

const MICROSECONDS_PER_SECOND = 1_000_000n;

/** The last instant that every wire format can express. */
export const LAST_INSTANT: Instant = instantFromMicroseconds(253_402_300_799_999_999n);

/** Year, month, day, time, fraction, offset from UTC (old zones have seconds), era. */
const TIMESTAMP =
  /^(\d{4,})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?( BC)?$/;

/**
 * An instant as the text of a timestamptz, exact to the microsecond. A number would be
 * converted to a double.
 */
export function instantToText(instant: Instant): string {
  const fraction = ((instant % MICROSECONDS_PER_SECOND) + MICROSECONDS_PER_SECOND) % MICROSECONDS_PER_SECOND;
  // biome-ignore lint/style/noRestrictedGlobals: the calendar is wanted, not the clock.
  const second = new Date(Number((instant - fraction) / 1_000n));
  const year = second.getUTCFullYear();
  const calendarYear = String(year > 0 ? year : 1 - year).padStart(4, '0');
  // From the month on, ISO text has the same shape in every year.
  const monthToSecond = second.toISOString().slice(-20, -5);
  const era = year > 0 ? '' : ' BC';
  return `${calendarYear}${monthToSecond}.${String(fraction).padStart(6, '0')}+00${era}`;
}

/**
 * Reads a timestamptz in PostgreSQL's ISO style, in any time zone. `-infinity` is the
 * unset instant, `infinity` the end of the year 9999.
 */
export function instantFromText(text: string): Instant {
  if (text === '-infinity') return UNSET_INSTANT;
  if (text === 'infinity') return LAST_INSTANT;
  const match = TIMESTAMP.exec(text);
  if (match === null) throw new Error('a timestamp is not in ISO style: the session has another DateStyle');
  const [, year, month, day, hour, minute, second, fraction = '', sign, offHour, offMinute, offSecond, era] =
    match;
  // biome-ignore lint/style/noRestrictedGlobals: the calendar is wanted, not the clock.
  const date = new Date(0);
  // setUTCFullYear, because Date.UTC reads the years 0 to 99 as 1900 to 1999.
  date.setUTCFullYear(era === undefined ? Number(year) : 1 - Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  const offset = Number(offHour) * 3_600 + Number(offMinute ?? 0) * 60 + Number(offSecond ?? 0);
  const seconds = date.getTime() / 1_000 - (sign === '-' ? -offset : offset);
  return instantFromMicroseconds(BigInt(seconds) * MICROSECONDS_PER_SECOND + BigInt(fraction.padEnd(6, '0')));
}

/**
 * A duration as the text of an interval of hours, minutes and seconds, exact to the
 * microsecond. An interval computed by multiplication would go through a double.
 * Fractions of a microsecond are cut off.
 */
export function durationToText(duration: Duration): string {
  const total = toMicroseconds(duration);
  const sign = total < 0n ? '-' : '';
  const magnitude = total < 0n ? -total : total;
  const seconds = magnitude / MICROSECONDS_PER_SECOND;
  const two = (part: bigint) => String(part).padStart(2, '0');
  const fraction = String(magnitude % MICROSECONDS_PER_SECOND).padStart(6, '0');
  return `${sign}${two(seconds / 3_600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}.${fraction}`;
}
