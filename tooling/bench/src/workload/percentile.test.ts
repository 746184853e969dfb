import { expect, test } from 'vitest';
import { median, percentileOfSorted } from './percentile.ts';

test('a percentile is the value that this share of values does not exceed', () => {
  const values = Array.from({ length: 100 }, (_, i) => i + 1);
  expect(percentileOfSorted(values, 0.5)).toBe(50);
  expect(percentileOfSorted(values, 0.99)).toBe(99);
  expect(percentileOfSorted(values, 1)).toBe(100);
  expect(percentileOfSorted(values, 0)).toBe(1);
  expect(percentileOfSorted([7], 0.5)).toBe(7);
  expect(percentileOfSorted([], 0.5)).toBeNaN();
});

test('the median is the middle value, or the mean of the two middle ones', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});
