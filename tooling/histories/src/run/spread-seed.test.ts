import { SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { spreadSeed } from './spread-seed.ts';

const firstOf = (seed: number, choice: number) => new SeededRandom(spreadSeed(seed, choice)).fraction();

test('neighbouring seeds, and choices, differ from the first number on', () => {
  const drawn = Array.from({ length: 400 }, (_, n) => firstOf(1 + (n % 20), Math.floor(n / 20)));
  for (const limit of [0.1, 0.5, 0.9]) {
    const below = drawn.filter((fraction) => fraction < limit).length / drawn.length;
    expect(Math.abs(below - limit)).toBeLessThan(0.1);
  }
  expect(spreadSeed(4_711, 3)).toBe(spreadSeed(4_711, 3));
});
