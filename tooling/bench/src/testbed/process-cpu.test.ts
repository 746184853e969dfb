import { expect, test } from 'vitest';
import { parseStat } from './process-cpu.ts';

test('reads parent and processor time behind a name with any characters', () => {
  const fields = 'S 41 7 7 0 -1 4194304 100 0 0 0 250 50 3 1 20 0 11 0 100';
  expect(parseStat(`1234 (a name) 9 (x) ${fields}`)).toEqual({ parent: 41, ticks: 304 });
});
