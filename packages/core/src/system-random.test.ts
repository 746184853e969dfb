import { afterEach, expect, test, vi } from 'vitest';
import { SystemRandom } from './system-random.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Replaces the system's random bytes by 0, 1, … 255, 0, 1, … */
function everyByteInTurn(): void {
  let next = 0;
  vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) => {
    const bytes = array as unknown as Uint8Array;
    for (let index = 0; index < bytes.length; index++) bytes[index] = next++ % 256;
    return array;
  });
}

test('returns the given number of characters of the alphabet', () => {
  const random = new SystemRandom();
  expect(random.base62(0)).toBe('');
  expect(random.base62(10)).toMatch(/^[0-9A-Za-z]{10}$/);
  expect(random.base62(40_000)).toMatch(/^[0-9A-Za-z]{40000}$/);
});

test('prefers no character: all byte values give each of them four times', () => {
  everyByteInTurn();
  const counts = new Map<string, number>();
  for (const character of new SystemRandom().base62(62 * 4)) {
    counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  expect(counts.size).toBe(62);
  expect(new Set(counts.values())).toEqual(new Set([4]));
});

test('never uses a byte twice', () => {
  everyByteInTurn();
  const random = new SystemRandom();
  const pieces = Array.from({ length: 62 }, () => random.base62(4)).join('');
  everyByteInTurn();
  expect(pieces).toBe(new SystemRandom().base62(62 * 4));
});

test('returns different texts to different callers', () => {
  const texts = Array.from({ length: 1_000 }, () => new SystemRandom().base62(10));
  expect(new Set(texts).size).toBe(1_000);
});

test('returns fractions in [0, 1)', () => {
  const random = new SystemRandom();
  for (let round = 0; round < 1_000; round++) {
    const fraction = random.fraction();
    expect(fraction).toBeGreaterThanOrEqual(0);
    expect(fraction).toBeLessThan(1);
  }
});
