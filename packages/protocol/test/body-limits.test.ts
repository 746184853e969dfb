import { describe, expect, it } from 'vitest';
import { BODY_LIMITS, bodyTooLarge, formatByteSize } from '../src/index.ts';

describe('formatByteSize', () => {
  it.each([
    [5_000_000, '5.0MB'],
    [512, '512B'],
    [256_000, '250.0KiB'],
    [512_000, '500.0KiB'],
    [64_000_000, '61.0MiB'],
    [0, '0B'],
    [999, '999B'],
    [1_000, '1.0kB'],
    [1_024, '1.0KiB'],
    [1_048_576, '1.0MiB'],
    [1_073_741_824, '1.0GiB'],
    [1_000_000, '1.0MB'],
    [1_500_000_001, '1.5GB'],
    [2_251_799_813_685_248, '2097152.0GiB'],
  ])('prints %d bytes as %s', (bytes, text) => {
    expect(formatByteSize(bytes)).toBe(text);
  });
});

it('refuses a body in the words of the reference', () => {
  expect(bodyTooLarge(BODY_LIMITS.other)).toMatchObject({
    code: 'invalid',
    message: 'request body exceeds 250.0KiB limit',
  });
});
