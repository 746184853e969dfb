import { type Instant, instantFromMilliseconds, QueueError } from '@querator/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CronTimes, parseCron } from '../../src/schedules/cron-times.ts';
import { TimeZones } from '../../src/schedules/time-zone.ts';
import { matcher, slowTimes, wallClock } from './support/slow-cron.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const zones = new TimeZones();

const textOf = (instant: Instant) => new Date(Number(instant / 1_000n)).toISOString().slice(0, 16);

/** The next times, as texts in UTC. */
function times(cron: string, timeZone: string, after: string, count: number): readonly string[] {
  const found: string[] = [];
  const parsed = parseCron({ cron, timeZone }, zones);
  let at: Instant | undefined = instantFromMilliseconds(Date.parse(`${after}Z`));
  for (let n = 0; n < count; n++) {
    at = parsed.next(at);
    if (at === undefined) break;
    found.push(textOf(at));
  }
  return found;
}

function fault(cron: string, timeZone = 'UTC'): string {
  try {
    parseCron({ cron, timeZone }, zones);
  } catch (error) {
    expect(error).toBeInstanceOf(QueueError);
    expect(error).toMatchObject({ code: 'invalid' });
    return (error as QueueError).message;
  }
  return 'none';
}

/** A field of an expression, of any form. */
const field = (least: number, most: number) => {
  const value = fc.integer({ min: least, max: most });
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = fc.tuple(fc.oneof(range, fc.constant('*')), fc.integer({ min: 1, max: most - least }));
  const part = fc.oneof(
    { arbitrary: value.map(String), weight: 3 },
    { arbitrary: range, weight: 1 },
    { arbitrary: step.map(([of, by]) => `${of}/${by}`), weight: 1 },
  );
  return fc.oneof(
    fc.constant('*'),
    fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(',')),
  );
};

describe('the times of a cron expression', () => {
  // Clocks in Berlin go from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25.
  test('a local time that does not exist fires at the end of the gap', () => {
    expect(times('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00', 2)).toEqual([
      '2026-03-29T01:00',
      '2026-03-30T00:30',
    ]);
    // Several of them are one time.
    expect(times('0,15,30 2,3 * * *', 'Europe/Berlin', '2026-03-29T00:00', 3)).toEqual([
      '2026-03-29T01:00',
      '2026-03-29T01:15',
      '2026-03-29T01:30',
    ]);
    // A day that a zone left out.
    expect(times('0 12 30 12 *', 'Pacific/Apia', '2011-12-28T00:00', 2)).toEqual([
      '2011-12-30T10:00',
      '2012-12-29T22:00',
    ]);
  });

  test('a local time that comes twice fires once', () => {
    expect(times('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00', 2)).toEqual([
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ]);
    expect(times('*/30 * * * *', 'Europe/Berlin', '2026-10-24T23:30', 4)).toEqual([
      '2026-10-25T00:00',
      '2026-10-25T00:30',
      '2026-10-25T02:00',
      '2026-10-25T02:30',
    ]);
    // Also if the server begins at the second of the two.
    expect(times('*/10 2 * * *', 'Europe/Berlin', '2026-10-25T01:15', 1)).toEqual(['2026-10-26T01:00']);
    // Half an hour.
    expect(times('45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T12:00', 2)).toEqual([
      '2026-04-04T14:45',
      '2026-04-05T15:15',
    ]);
  });

  test('fires after the given time, and not at it', () => {
    const parsed = parseCron({ cron: '* * * * *', timeZone: 'UTC' }, zones);
    const at = instantFromMilliseconds(Date.UTC(2026, 0, 1));
    expect(parsed.next(at)).toBe(at + 60_000_000n);
    expect(parsed.next((at - 1n) as Instant)).toBe(at);
    expect(parsed.next((at + 59_999_999n) as Instant)).toBe(at + 60_000_000n);
  });

  test('agrees with a search of every minute, in every zone that this Node.js knows', () => {
    const cron = fc
      .tuple(field(0, 59), field(0, 5), field(1, 31), field(1, 12), field(0, 7))
      .map(([minute, hour, ...days]) => [minute, hour, ...days].join(' '));
    // Most have something to do near the changes, which are at night.
    const nightly = fc.tuple(field(0, 59), field(0, 5)).map(([minute, hour]) => `${minute} ${hour} * * *`);
    const year = fc.integer({ min: 1990, max: 2037 });
    const names = Intl.supportedValuesOf('timeZone');
    for (const timeZone of names) {
      fc.assert(
        fc.property(year, fc.oneof(nightly, cron), fc.nat({ max: 11 }), (inYear, expression, month) => {
          const parsed = parsedOrNone(expression, timeZone);
          if (parsed === undefined) return;
          const change = changeIn(timeZone, inYear) ?? Date.UTC(inYear, month, 1);
          const [from, to] = [change - 2 * HOUR, change + 28 * HOUR];
          const clock = wallClock(timeZone, from - 2 * HOUR, to);
          const expected = slowTimes(expression, clock).filter((at) => at > from);
          let at: Instant | undefined = instantFromMilliseconds(from);
          // Times at the end of the window may wait for a minute beyond it.
          for (const time of expected.filter((each) => each < to - HOUR)) {
            at = at && parsed.next(at);
            if (at !== instantFromMilliseconds(time)) {
              expect(`${expression}: ${at && textOf(at)}`).toBe(
                `${expression}: ${new Date(time).toISOString()}`,
              );
            }
          }
        }),
        { numRuns: 1 },
      );
    }
  }, 60_000);
});

test('agrees with a search of every day, years ahead', () => {
  const days = fc.tuple(field(1, 31), field(1, 12), field(0, 7)).map((fields) => fields.join(' '));
  const start = fc.integer({ min: 0, max: 30_000 }).map((day) => day * DAY);
  fc.assert(
    fc.property(days, start, (expression, from) => {
      const cron = `0 0 ${expression}`;
      const parsed = parsedOrNone(cron, 'UTC');
      const isWanted = matcher(cron);
      const found = (after: number) => {
        for (let at = after + DAY; at < after + 9 * 366 * DAY; at += DAY) if (isWanted(at)) return at;
        return undefined;
      };
      const first = found(from);
      const next = parsed?.next(instantFromMilliseconds(from));
      expect(next).toBe(first && instantFromMilliseconds(first));
    }),
  );
});

/** Undefined: the expression has no time. */
function parsedOrNone(cron: string, timeZone: string): CronTimes | undefined {
  try {
    return parseCron({ cron, timeZone }, zones);
  } catch (error) {
    if (error instanceof QueueError && error.message.endsWith('never comes')) return undefined;
    throw error;
  }
}

/** A day of a year on which the clock of a zone changes. Undefined: there is none. */
function changeIn(timeZone: string, year: number): number | undefined {
  const zone = zones.get(timeZone);
  const offset = (at: number) => zone.localOf(at) - at;
  for (let at = Date.UTC(year, 0, 1); at < Date.UTC(year + 1, 0, 1); at += 7 * DAY) {
    if (offset(at) === offset(at + 7 * DAY)) continue;
    let day = at;
    while (offset(day) === offset(day + DAY)) day += DAY;
    return day;
  }
  return undefined;
}

describe('what is not a cron expression', () => {
  test.each([
    ['', 'cron is invalid; expected five fields'],
    ['* * * *', 'cron is invalid; expected five fields'],
    ['* * * * * *', 'cron is invalid; expected five fields'],
    ['0 0 1 1 * 2030', 'cron is invalid; expected five fields'],
    ['@daily', 'cron is invalid; expected five fields'],
    ['\u0663 * * * *', "cron is invalid; '\u0663' is no minute: expected 0 to 59, a range"],
    ['0 0 L * *', "cron is invalid; 'L' is no day of the month: expected 1 to 31, a range such as '1-31'"],
    ['0 0 15W * *', "cron is invalid; '15W' is no day of the month"],
    ['0 0 ? * *', "cron is invalid; '?' is no day of the month"],
    ['0 0 * * MON#2', "cron is invalid; 'MON#2' is no day of the week"],
    ['0 60 * * *', "cron is invalid; '60' is no hour: expected 0 to 23"],
    ['60 * * * *', "cron is invalid; '60' is no minute"],
    ['* * 0 * *', "cron is invalid; '0' is no day of the month"],
    ['* * * 13 *', "cron is invalid; '13' is no month"],
    ['* * * * 8', "cron is invalid; '8' is no day of the week"],
    ['* * * JANE *', "cron is invalid; 'JANE' is no month"],
    ['* * * MON *', "cron is invalid; 'MON' is no month"],
    ['*/0 * * * *', "cron is invalid; '*/0' is no minute"],
    ['*/60 * * * *', "cron is invalid; '*/60' is no minute"],
    ['5/10 * * * *', "cron is invalid; '5/10' is no minute"],
    ['5-1 * * * *', "cron is invalid; '5-1' is no minute"],
    ['1,,2 * * * *', "cron is invalid; '' is no minute"],
    ['1.5 * * * *', "cron is invalid; '1.5' is no minute"],
    ['0x1 * * * *', "cron is invalid; '0x1' is no minute"],
    [`${'1,'.repeat(200)}1 * * * *`, "cron is invalid; cannot be greater than '256' characters"],
  ])('%j is refused', (cron, message) => {
    expect(fault(cron)).toContain(message);
  });

  // Bounded: the search for a time of the worst expressions takes some milliseconds.
  test.each(['0 0 30 2 *', '0 0 31 4 *', '*/7 * 31 2,4,6,9,11 *', '0 0 30-31 FEB *'])(
    '%j is refused, since it never comes',
    (cron) => {
      expect(fault(cron)).toBe(`cron is invalid; '${cron}' never comes`);
    },
  );

  test('an expression may be rare', () => {
    expect(times('0 0 29 2 *', 'UTC', '2096-03-01T00:00', 1)).toEqual(['2104-02-29T00:00']);
    expect(fault(' 0  0 1,15 jan-mar Sun-sat/2 ')).toBe('none');
  });

  test.each(['', 'Mars/Olympus', '+02:00', 'Europe/Berlin ', 'a'.repeat(65), 'CET\0', '../UTC'])(
    '%j is no time zone',
    (timeZone) => {
      expect(fault('* * * * *', timeZone)).toContain('time_zone is invalid;');
    },
  );
});
