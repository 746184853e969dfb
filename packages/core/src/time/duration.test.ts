import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Duration,
  DurationSyntaxError,
  formatDuration,
  microseconds,
  milliseconds,
  parseDuration,
  toMicroseconds,
  toMilliseconds,
} from './duration.ts';

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

describe('parseDuration', () => {
  test('shows at most 100 characters of a text, and all of a shorter one', () => {
    const whole = 'é'.repeat(100);
    expect(() => parseDuration(whole)).toThrow(`"${'\\xc3\\xa9'.repeat(100)}"`);
    expect(() => parseDuration('9'.repeat(101))).toThrow(`time: invalid duration "${'9'.repeat(99)}…"`);
  });

  test('reads a number of many digits without making it a number', () => {
    expect(parseDuration(`${'0'.repeat(4_900_000)}1s`)).toBe(1_000_000_000n);
    expect(() => parseDuration(`${'9'.repeat(4_900_000)}s`)).toThrow(DurationSyntaxError);
  });

  test.each<[string, bigint]>([
    ['0', 0n],
    ['+0', 0n],
    ['-0', 0n],
    ['0s', 0n],
    ['15ns', 15n],
    ['15us', 15_000n],
    ['15\u00b5s', 15_000n],
    ['15\u03bcs', 15_000n],
    ['15ms', 15_000_000n],
    ['15s', 15_000_000_000n],
    ['15m', 900_000_000_000n],
    ['15h', 54_000_000_000_000n],
    ['+5s', 5_000_000_000n],
    ['-5s', -5_000_000_000n],
    ['1m30s', 90_000_000_000n],
    ['30s1m', 90_000_000_000n],
    ['1h1h', 7_200_000_000_000n],
    ['1m1h', 3_660_000_000_000n],
    ['1.5h', 5_400_000_000_000n],
    ['.5s', 500_000_000n],
    ['5.s', 5_000_000_000n],
    ['00001s', 1_000_000_000n],
    ['1.0000s', 1_000_000_000n],
    ['-1h2m3.004005006s', -3_723_004_005_006n],
    ['0.0000000001s', 0n],
    ['1.9999999999s', 1_999_999_999n],
    ['0.999ns', 0n],
    ['0.100000000000000000000h', 360_000_000_000n],
    ['9223372036854775807ns', MAX],
    ['-9223372036854775808ns', MIN],
    ['2562047h47m16.854775807s', MAX],
    ['-2562047h47m16.854775808s', MIN],
  ])('reads %j', (text, nanoseconds) => {
    expect(parseDuration(text)).toBe(nanoseconds);
  });

  test.each([
    ['', 'time: invalid duration ""'],
    ['+', 'time: invalid duration "+"'],
    ['-', 'time: invalid duration "-"'],
    ['.', 'time: invalid duration "."'],
    ['.s', 'time: invalid duration ".s"'],
    ['s', 'time: invalid duration "s"'],
    ['--5s', 'time: invalid duration "--5s"'],
    [' 5s', 'time: invalid duration " 5s"'],
    ['five', 'time: invalid duration "five"'],
    ['9223372036854775808ns', 'time: invalid duration "9223372036854775808ns"'],
    ['-9223372036854775809ns', 'time: invalid duration "-9223372036854775809ns"'],
    ['3000000h', 'time: invalid duration "3000000h"'],
    ['99999999999999999999d', 'time: invalid duration "99999999999999999999d"'],
    ['99999999999999999999', 'time: invalid duration "99999999999999999999"'],
    ['1', 'time: missing unit in duration "1"'],
    ['00', 'time: missing unit in duration "00"'],
    ['1h2', 'time: missing unit in duration "1h2"'],
    ['1.5.5s', 'time: missing unit in duration "1.5.5s"'],
    ['1.', 'time: missing unit in duration "1."'],
    ['1d', 'time: unknown unit "d" in duration "1d"'],
    ['1w2d', 'time: unknown unit "w" in duration "1w2d"'],
    ['1H', 'time: unknown unit "H" in duration "1H"'],
    ['1 s', 'time: unknown unit " s" in duration "1 s"'],
    ['5s ', 'time: unknown unit "s " in duration "5s "'],
    ['1e3s', 'time: unknown unit "e" in duration "1e3s"'],
    ['1h-2m', 'time: unknown unit "h-" in duration "1h-2m"'],
    ['1"\\', 'time: unknown unit "\\"\\\\" in duration "1\\"\\\\"'],
    ['1\u00e9', 'time: unknown unit "\\xc3\\xa9" in duration "1\\xc3\\xa9"'],
    ['1\n\u001f', 'time: unknown unit "\\x0a\\x1f" in duration "1\\x0a\\x1f"'],
  ])('refuses %j in the words of Go', (text, message) => {
    expect(() => parseDuration(text)).toThrow(new DurationSyntaxError(message));
  });

  test('reads back whatever it prints, over the whole range', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: MIN, max: MAX }), (nanoseconds) => {
        expect(parseDuration(formatDuration(nanoseconds as Duration))).toBe(nanoseconds);
      }),
    );
  });

  test('reads back small and round values too', () => {
    const scale = fc.constantFrom(
      1n,
      1_000n,
      1_000_000n,
      1_000_000_000n,
      60_000_000_000n,
      3_600_000_000_000n,
    );
    fc.assert(
      fc.property(fc.bigInt({ min: -2_000n, max: 2_000n }), scale, (count, unit) => {
        expect(parseDuration(formatDuration((count * unit) as Duration))).toBe(count * unit);
      }),
    );
  });

  test('adds up the components, in whatever order', () => {
    const component = fc.tuple(fc.nat(1_000), fc.constantFrom('ns', 'us', 'ms', 's', 'm', 'h'));
    fc.assert(
      fc.property(fc.array(component, { minLength: 1, maxLength: 5 }), (components) => {
        const texts = components.map(([count, unit]) => `${count}${unit}`);
        const sum = texts.reduce((total, text) => total + parseDuration(text), 0n);
        expect(parseDuration(texts.join(''))).toBe(sum);
        expect(parseDuration(texts.reverse().join(''))).toBe(sum);
      }),
    );
  });
});

describe('formatDuration', () => {
  test.each<[bigint, string]>([
    [0n, '0s'],
    [1n, '1ns'],
    [999n, '999ns'],
    [1_000n, '1\u00b5s'],
    [1_500n, '1.5\u00b5s'],
    [999_999n, '999.999\u00b5s'],
    [1_000_000n, '1ms'],
    [1_500_000n, '1.5ms'],
    [123_456_789n, '123.456789ms'],
    [1_000_000_000n, '1s'],
    [1_000_000_001n, '1.000000001s'],
    [59_999_999_999n, '59.999999999s'],
    [60_000_000_000n, '1m0s'],
    [61_500_000_000n, '1m1.5s'],
    [3_600_000_000_000n, '1h0m0s'],
    [3_661_000_000_000n, '1h1m1s'],
    [86_400_000_000_000n, '24h0m0s'],
    [-1n, '-1ns'],
    [-90_000_000_000n, '-1m30s'],
    [MAX, '2562047h47m16.854775807s'],
    [MIN, '-2562047h47m16.854775808s'],
  ])('prints %s as %s', (nanoseconds, text) => {
    expect(formatDuration(nanoseconds as Duration)).toBe(text);
  });

  test('prints a duration given in another form in the canonical one', () => {
    expect(formatDuration(parseDuration('60m'))).toBe('1h0m0s');
    expect(formatDuration(parseDuration('0.5h90s'))).toBe('31m30s');
  });
});

describe('conversions', () => {
  test('milliseconds keep their fractions down to a nanosecond', () => {
    expect(milliseconds(1.5)).toBe(1_500_000n);
    expect(milliseconds(0.0000019)).toBe(1n);
    expect(milliseconds(-2)).toBe(-2_000_000n);
    expect(toMilliseconds(parseDuration('1.5us'))).toBe(0.0015);
  });

  test('microseconds are truncated towards zero', () => {
    expect(microseconds(3n)).toBe(3_000n);
    expect(toMicroseconds(parseDuration('1999ns'))).toBe(1n);
    expect(toMicroseconds(parseDuration('-1999ns'))).toBe(-1n);
  });
});
