import { expect, test } from 'vitest';
import { formatRatios, isReached, type RatioRow } from './ratio-table.ts';
import { formatCount, formatTable } from './table.ts';

test('aligns the first column left and figures right', () => {
  expect(formatTable(['', 'n'], [['a', formatCount(1234.5)]])).toBe('       n\n-  -----\na  1,235');
});

const row: RatioRow = {
  ...{ name: 'produce-100', title: 'produce', atLeast: 1.2, unit: 'items/s', details: {} },
  ...{ ratio: 1.25, least: 1.1, greatest: 1.4, baseline: 40_000, subject: 50_000 },
};

test('shows which ratios reach their target', () => {
  expect(isReached(row)).toBe(true);
  expect(isReached({ ...row, ratio: 1.19 })).toBe(false);
  expect(isReached({ ...row, atMost: 1.2 })).toBe(false);
  const [, , line] = formatRatios([row]).split('\n');
  expect(line).toMatch(
    /^produce-100: produce +40,000 +50,000 +items\/s +1\.25 +1\.10\.\.1\.40 +>= 1\.2 +yes$/,
  );
});
