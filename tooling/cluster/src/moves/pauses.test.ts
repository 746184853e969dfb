import { expect, test } from 'vitest';
import { longestPauses } from './pauses.ts';

test('a pause counts as one with a kill if a server was away during it', () => {
  const kills = [{ at: 100, backAt: 150 }];
  const gaps = [
    { from: 0, to: 40 },
    { from: 40, to: 99 },
    { from: 99, to: 120 },
    { from: 120, to: 149 },
    { from: 149, to: 180 },
    { from: 180, to: 205 },
  ];
  expect(longestPauses(gaps, kills)).toEqual({ calm: 59, killed: 31 });
  expect(longestPauses(gaps, [])).toEqual({ calm: 59, killed: 0 });
  expect(longestPauses([], kills)).toEqual({ calm: 0, killed: 0 });
});
