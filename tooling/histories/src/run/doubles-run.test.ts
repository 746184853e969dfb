import { expect, test } from 'vitest';
import { compare } from './doubles-run.ts';

test('counts items that are stored twice, not at all, or under another id', () => {
  const told = ['a', 'b', 'c', 'd'];
  expect(
    compare(
      told,
      [0, 1, 2, 3].map((n) => [n, told[n] as string]),
    ),
  ).toEqual({
    ...{ doubles: 0, missing: 0, otherIds: 0 },
  });
  expect(
    compare(told, [
      [0, 'a'],
      [1, 'b'],
      [1, 'x'],
      [3, 'y'],
    ]),
  ).toEqual({ doubles: 1, missing: 1, otherIds: 2 });
});
