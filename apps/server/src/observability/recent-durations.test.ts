import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { RecentDurations } from './recent-durations.ts';

const QUANTILES = [0.5, 0.99];

function durations() {
  const random = new SeededRandom();
  return new RecentDurations(() => random.fraction());
}

describe('quantiles of the last ten minutes', () => {
  test('are 0 without values', () => {
    expect(durations().quantiles(QUANTILES, 0)).toEqual([0, 0]);
  });

  test('are exact for a few values', () => {
    const recent = durations();
    for (let n = 1; n <= 100; n++) recent.add(n, 0);
    expect(recent.quantiles([0, 0.5, 0.99, 1], 0)).toEqual([1, 50, 99, 100]);
  });

  test('are approximate for many values', () => {
    const recent = durations();
    for (let n = 1; n <= 100_000; n++) recent.add(n, 0);
    const [half, most] = recent.quantiles(QUANTILES, 0) as [number, number];
    expect(Math.abs(half - 50_000)).toBeLessThan(7_000);
    expect(Math.abs(most - 99_000)).toBeLessThan(1_000);
  });

  test('exclude older values', () => {
    const recent = durations();
    recent.add(100, 0);
    recent.add(1, 599);
    expect(recent.quantiles([1], 599)).toEqual([100]);
    expect(recent.quantiles([1], 600)).toEqual([1]);
    expect(recent.quantiles([1], 1_300)).toEqual([0]);
  });

  test('give a busy minute more weight than a quiet one, though both have one sample', () => {
    const recent = durations();
    for (let n = 0; n < 100_000; n++) recent.add(1, 0);
    for (let n = 0; n < 1_000; n++) recent.add(9, 120);
    expect(recent.quantiles([0.5, 0.98, 0.995], 120)).toEqual([1, 1, 9]);
  });
});
