import fc from 'fast-check';
import { expect, test } from 'vitest';
import { microseconds, parseDuration } from './duration.ts';
import {
  addDuration,
  instantFromMicroseconds,
  instantFromMilliseconds,
  instantText,
  millisecondsBetween,
  UNSET_INSTANT,
} from './instant.ts';

const NOON = instantFromMilliseconds(Date.UTC(2026, 0, 1, 12));

test('an instant is counted in microseconds since 1970', () => {
  expect(instantFromMilliseconds(0)).toBe(0n);
  expect(instantFromMilliseconds(1.5)).toBe(1_500n);
  expect(instantFromMilliseconds(Date.UTC(9999, 11, 31, 23, 59, 59, 999))).toBe(253_402_300_799_999_000n);
});

test('adding a duration is exact to the microsecond; finer digits are cut off', () => {
  expect(addDuration(NOON, parseDuration('1s'))).toBe(NOON + 1_000_000n);
  expect(addDuration(NOON, parseDuration('1.999us'))).toBe(NOON + 1n);
  expect(addDuration(NOON, parseDuration('-1h'))).toBe(NOON - 3_600_000_000n);
});

test('the distance between two instants has a sign, and fractions', () => {
  expect(millisecondsBetween(NOON, addDuration(NOON, parseDuration('1.5ms')))).toBe(1.5);
  expect(millisecondsBetween(addDuration(NOON, parseDuration('2s')), NOON)).toBe(-2_000);
});

test('adding and taking away the same duration changes nothing, also far in the future', () => {
  const far = 253_402_300_799_999_999n;
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: far }),
      fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
      (at, by) => {
        const there = addDuration(instantFromMicroseconds(at), microseconds(by));
        expect(addDuration(there, microseconds(-by))).toBe(at);
      },
    ),
  );
});

test('the unset instant is the zero time of Go', () => {
  expect(new Date(Number(UNSET_INSTANT / 1_000n)).toISOString()).toBe('0001-01-01T00:00:00.000Z');
});

test('an instant is written in UTC, rounded down to milliseconds', () => {
  expect(instantText(instantFromMicroseconds(1_764_494_100_123_999n))).toBe('2025-11-30T09:15:00.123Z');
});
