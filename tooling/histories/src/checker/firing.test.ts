import { describe, expect, test } from 'vitest';
import { history } from '../../test/small-history.ts';
import type { Firings } from '../history/history.ts';
import { checkHistory } from './check-history.ts';

const all: Firings = { schedule: 's', policy: 'all', times: 10, fired: 10, missed: 0, stored: 10 };
const one: Firings = { ...all, policy: 'one', fired: 1, missed: 9, stored: 1 };
const skip: Firings = { ...all, policy: 'skip', fired: 0, missed: 10, stored: 0 };
const broken = (firings: Firings, drained: boolean) =>
  checkHistory(history([], { drained, firings: [firings] })).map(({ rule }) => rule);

test.each([all, one, skip])('accepts a schedule that fired as it should: $policy', (firings) => {
  expect(broken(firings, true)).toEqual([]);
  expect(broken(firings, false)).toEqual([]);
});

describe.each<[what: string, firings: Firings]>([
  ['an item is stored twice', { ...all, stored: 11 }],
  ['two of the late times were fired', { ...one, fired: 2, missed: 8, stored: 2 }],
  ['a late time was fired that should be skipped', { ...skip, fired: 1, missed: 9, stored: 1 }],
  ['a time was fired and counted as missed', { ...all, missed: 1 }],
])('rejected: %s', (_, firings) => {
  test('at the end', () => expect(broken(firings, true)).toEqual(['firing']));
  test('while times may still come', () => expect(broken(firings, false)).toEqual(['firing']));
});

test.each<[what: string, firings: Firings]>([
  ['an item is missing', { ...all, stored: 9 }],
  ['a time is missing', { ...all, fired: 9, stored: 9 }],
  ['times that passed are not counted', { ...skip, missed: 9 }],
])('rejected at the end only: %s', (_, firings) => {
  expect(broken(firings, true)).toEqual(['firing']);
  expect(broken(firings, false)).toEqual([]);
});
