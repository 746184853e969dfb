import { expect, test } from 'vitest';
import { SeededRandom } from './seeded-random.ts';

test('the same seed returns the same sequence, another seed another one', () => {
  expect(new SeededRandom(7).base62(50)).toBe(new SeededRandom(7).base62(50));
  expect(new SeededRandom(7).base62(50)).not.toBe(new SeededRandom(8).base62(50));
  expect(new SeededRandom().base62(5)).toBe(new SeededRandom(1).base62(5));
});

test('a seed of zero works', () => {
  expect(new Set(new SeededRandom(0).base62(100)).size).toBeGreaterThan(20);
});

test('returns characters of the alphabet and fractions in [0, 1), all of them in time', () => {
  const random = new SeededRandom(3);
  const text = random.base62(5_000);
  expect(text).toMatch(/^[0-9A-Za-z]+$/);
  expect(new Set(text).size).toBe(62);
  for (let round = 0; round < 1_000; round++) {
    const fraction = random.fraction();
    expect(fraction >= 0 && fraction < 1).toBe(true);
  }
});
