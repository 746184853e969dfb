import { expect, test } from 'vitest';
import { measure } from './rate.ts';
import { formatCount, formatTable } from './table.ts';

test('counts what all clients moved, until they run out', async () => {
  let left = 100;
  const rate = await measure(4, 60_000, () => async () => {
    if (left === 0) return 0;
    left -= 10;
    return 10;
  });
  expect(rate.items).toBe(100);
  expect(rate.itemsPerSecond).toBeGreaterThan(0);
});

test('prints a table', () => {
  expect(formatTable(['', 'n'], [['a', formatCount(1234.5)]])).toBe('       n\n-  -----\na  1,235');
});
