import { formatDuration } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { toDate, toInstant } from '../../src/values/point-in-time.ts';
import { toDuration, toDurationText } from '../../src/values/time-span.ts';

describe('a duration', () => {
  test.each([
    [1_500, '1.5s'],
    [0, '0s'],
    [0.5, '500µs'],
    ['1m30s', '1m30s'],
    ['24h', '24h0m0s'],
  ])('may be %j', (span, shown) => {
    expect(formatDuration(toDuration('x', span))).toBe(shown);
    expect(toDurationText('x', span)).toBe(shown);
  });

  test.each([
    [-1, "x is invalid; '-1' is neither milliseconds from 0 up nor a duration like 30s"],
    [Number.NaN, "x is invalid; 'NaN' is neither"],
    [Number.POSITIVE_INFINITY, "x is invalid; 'Infinity' is neither"],
    ['-5s', "x is invalid; '-5s' is neither"],
    ['5', 'x is invalid; time: missing unit in duration "5" - expected a duration like 30s'],
    ['x'.repeat(1_000), 'x is invalid; time: invalid duration'],
  ])('cannot be %j', (span, message) => {
    expect(() => toDuration('x', span)).toThrow(message);
  });
});

describe('a point in time', () => {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

  test.each([[new Date(at)], [at], ['2026-01-02T03:04:05.678Z'], ['2026-01-02T04:04:05.678+01:00']])(
    'may be %j',
    (time) => {
      expect(toInstant('x', time)).toBe(BigInt(at) * 1_000n);
      expect(toDate(toInstant('x', time))).toEqual(new Date(at));
    },
  );

  test.each([[new Date(Number.NaN)], ['soon'], [-1], [Number.NaN], [Date.UTC(10_000, 0, 1)]])(
    'cannot be %s',
    (time) => {
      expect(() => toInstant('x', time)).toThrow(/^x is invalid; '.*' is not a time from 1970 to 9999$/);
    },
  );
});
