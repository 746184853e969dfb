import { type Duration, type Instant, microseconds, parseDuration, UNSET_INSTANT } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { durationToText, instantFromText, instantToText } from './instant-text.ts';

describe('instants', () => {
  test.each([
    [0n, '1970-01-01T00:00:00.000000+00'],
    [1n, '1970-01-01T00:00:00.000001+00'],
    [-1n, '1969-12-31T23:59:59.999999+00'],
    [1_767_225_600_123_456n, '2026-01-01T00:00:00.123456+00'],
    [253_402_300_799_999_999n, '9999-12-31T23:59:59.999999+00'],
    [253_402_300_800_000_000n, '10000-01-01T00:00:00.000000+00'],
    [UNSET_INSTANT, '0001-01-01T00:00:00.000000+00'],
    [-62_135_596_800_000_001n, '0001-12-31T23:59:59.999999+00 BC'],
  ])('%i is written as %s and read back', (instant, text) => {
    expect(instantToText(instant as Instant)).toBe(text);
    expect(instantFromText(text.replace('T', ' '))).toBe(instant);
  });

  test.each([
    ['2026-01-01 01:30:00.5+01:30', '2026-01-01T00:00:00.500000+00'],
    ['2025-12-31 19:00:00-05', '2026-01-01T00:00:00.000000+00'],
    ['0001-01-01 00:53:28+00:53:28', '0001-01-01T00:00:00.000000+00'],
  ])('%s is read with its time zone', (text, inUtc) => {
    expect(instantToText(instantFromText(text))).toBe(inUtc);
  });

  test('-infinity is read as no time', () => {
    expect(instantFromText('-infinity')).toBe(UNSET_INSTANT);
  });

  test('another date style is refused', () => {
    expect(() => instantFromText('Thu Jan 01 00:00:00 2026 UTC')).toThrow('DateStyle');
  });
});

test.each([
  [0n, '00:00:00.000000'],
  [microseconds(1n), '00:00:00.000001'],
  [parseDuration('1m30s'), '00:01:30.000000'],
  [parseDuration('-25h0.5s'), '-25:00:00.500000'],
  [2n ** 63n - 1n, '2562047:47:16.854775'],
])('a duration of %i ns is written as %s', (duration, text) => {
  expect(durationToText(duration as Duration)).toBe(text);
});
