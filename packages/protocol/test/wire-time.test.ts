import { instantFromMicroseconds, UNSET_INSTANT } from '@querator/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTimestamp, fromTimestamp, parseTimestamp, toTimestamp } from '../src/index.ts';

const EARLIEST = -62_135_596_800;
const LATEST = 253_402_300_799;

describe('formatTimestamp', () => {
  it.each([
    [0, 0, '1970-01-01T00:00:00Z'],
    [0, 500_000_000, '1970-01-01T00:00:00.500Z'],
    [0, 1_000, '1970-01-01T00:00:00.000001Z'],
    [0, 1, '1970-01-01T00:00:00.000000001Z'],
    [-1, 999_999_999, '1969-12-31T23:59:59.999999999Z'],
    [EARLIEST, 0, '0001-01-01T00:00:00Z'],
    [LATEST, 999_999_999, '9999-12-31T23:59:59.999999999Z'],
    [951_782_400, 0, '2000-02-29T00:00:00Z'],
    [1_790_000_000, 123_456_000, '2026-09-21T14:13:20.123456Z'],
  ])('prints %d s and %d ns as %s', (seconds, nanos, text) => {
    expect(formatTimestamp({ seconds, nanos })).toBe(text);
  });

  it('agrees with Date', () => {
    fc.assert(
      fc.property(fc.integer({ min: EARLIEST, max: LATEST }), (seconds) => {
        const expected = new Date(seconds * 1_000).toISOString().replace('.000Z', 'Z');
        expect(formatTimestamp({ seconds, nanos: 0 })).toBe(expected);
        expect(parseTimestamp(expected)).toEqual({ seconds, nanos: 0 });
      }),
    );
  });
});

describe('parseTimestamp', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0, 0],
    ['1970-01-01T00:00:00.1Z', 0, 100_000_000],
    ['1970-01-01T00:00:00.123456789Z', 0, 123_456_789],
    ['1970-01-01T01:00:00+01:00', 0, 0],
    ['1969-12-31T18:30:00-05:30', 0, 0],
    ['0001-01-01T00:00:00Z', EARLIEST, 0],
    ['9999-12-31T23:59:59.999999999Z', LATEST, 999_999_999],
    ['2024-02-29T12:00:00Z', 1_709_208_000, 0],
  ])('reads %s', (text, seconds, nanos) => {
    expect(parseTimestamp(text)).toEqual({ seconds, nanos });
  });

  it.each([
    '',
    '1970-01-01',
    '1970-01-01 00:00:00Z',
    '1970-01-01t00:00:00Z',
    '1970-01-01T00:00:00z',
    '1970-01-01T00:00:00',
    '1970-01-01T00:00:00.Z',
    '1970-01-01T00:00:00.1234567890Z',
    '1970-01-01T00:00:00,5Z',
    '1970-01-01T24:00:00Z',
    '1970-01-01T00:60:00Z',
    '1970-01-01T00:00:60Z',
    '1970-00-01T00:00:00Z',
    '1970-13-01T00:00:00Z',
    '1970-01-00T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '1970-04-31T00:00:00Z',
    '0000-12-31T23:59:59Z',
    '0001-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '10000-01-01T00:00:00Z',
    '1970-01-01T00:00:00+0100',
    '1970-01-01T00:00:00+24:00',
    '1970-01-01T00:00:00+01:60',
    ' 1970-01-01T00:00:00Z',
    '1970-01-01T00:00:00Z\n',
    '2024-01-01 12:00:00.0000',
  ])('refuses %j', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });
});

describe('instants', () => {
  it('are unchanged on the wire', () => {
    const anyInstant = fc.bigInt({ min: BigInt(EARLIEST) * 1_000_000n, max: BigInt(LATEST) * 1_000_000n });
    fc.assert(
      fc.property(anyInstant, (micros) => {
        const timestamp = toTimestamp(instantFromMicroseconds(micros));
        expect(timestamp.nanos).toBeGreaterThanOrEqual(0);
        expect(timestamp.nanos).toBeLessThan(1e9);
        expect(fromTimestamp(timestamp)).toBe(micros);
        expect(parseTimestamp(formatTimestamp(timestamp))).toEqual(timestamp);
      }),
    );
  });

  it('lose nanoseconds, rounded towards the past', () => {
    expect(fromTimestamp({ seconds: -1, nanos: 999_999_999 })).toBe(-1n);
    expect(fromTimestamp({ seconds: 0, nanos: 1_999 })).toBe(1n);
  });

  it('have 0001-01-01T00:00:00Z for "not set"', () => {
    expect(formatTimestamp(toTimestamp(UNSET_INSTANT))).toBe('0001-01-01T00:00:00Z');
    expect(fromTimestamp({ seconds: EARLIEST, nanos: 0 })).toBe(UNSET_INSTANT);
  });
});
