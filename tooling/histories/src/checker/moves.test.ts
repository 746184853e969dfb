import { expect, test } from 'vitest';
import { history, move } from '../../test/small-history.ts';
import type { MovedItems } from '../history/history.ts';
import { checkHistory } from './check-history.ts';
import { describeHistory } from './describe-history.ts';

const rulesOf = (about: Parameters<typeof history>[1], operations = [move(1, 2)]) =>
  checkHistory(history(operations, about)).map(({ rule }) => rule);
const all: MovedItems = { produced: ['a', 'b', 'c'], stored: ['a', 'b', 'c'], moves: 4, otherEnds: [] };

test.each([
  ['a move that is done', [move(1, 2)]],
  ['one that was cancelled', [move(1, 2, { cancelled: 1, end: { state: 'cancelled', done: 3, failed: 0 } })]],
  ['one whose cancellation came too late', [move(1, 2, { cancelled: 1 })]],
  ['one whose end nobody saw', [move(1, 2, { outcome: 'unknown', end: undefined })]],
])('accepts %s', (_, operations) => {
  expect(rulesOf({}, operations)).toEqual([]);
});

test.each([
  ['a move that failed', { state: 'failed', done: 3, failed: 0 }],
  ['one that was cancelled by nobody', { state: 'cancelled', done: 3, failed: 0 }],
  ['one that left items behind', { state: 'done', done: 3, failed: 1 }],
])('rejects %s', (_, end) => {
  expect(rulesOf({}, [move(1, 2, { end })])).toEqual(['moves']);
});

test('accepts items that moved, all in their order', () => {
  expect(rulesOf({ movedItems: all })).toEqual([]);
});

test.each<[what: string, moved: Partial<MovedItems>, text: string]>([
  ['a lost item', { stored: ['a', 'c'] }, 'of 3 items that moved 2 are there: b is there 0 times'],
  [
    'a doubled item',
    { stored: ['a', 'b', 'b', 'c'] },
    'of 3 items that moved 4 are there: b is there 2 times',
  ],
  [
    'another order',
    { stored: ['a', 'c', 'b'] },
    'items that moved are in another order: c is in the place of b',
  ],
  [
    'a task that failed',
    { otherEnds: [{ state: 'failed', done: 0, failed: 2 }] },
    "a task that moves items ended as 'failed', and 2 items failed",
  ],
])('rejects %s', (_, moved, text) => {
  const violations = checkHistory(history([], { movedItems: { ...all, ...moved } }));
  expect(violations).toMatchObject([{ rule: 'moves', text }]);
});

test('a move is a line of the text', () => {
  const operations = [move(1, 2, { cancelled: 1.5, end: { state: 'cancelled', done: 3, failed: 0 } })];
  expect(describeHistory(history(operations), { rule: 'moves', text: '' })).toContain(
    "move partition 0 of 'q' to 'second', cancelled at 1.5 -> ok, cancelled: 3 done, 0 failed",
  );
});
