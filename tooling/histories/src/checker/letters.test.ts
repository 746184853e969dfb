import { describe, expect, test } from 'vitest';
import {
  clear,
  complete,
  died,
  given,
  history,
  lease,
  list,
  produce,
  redrive,
  retry,
} from '../../test/small-history.ts';
import type { History, Operation } from '../history/history.ts';
import { checkHistory } from './check-history.ts';

const rulesBroken = (operations: readonly Operation[], rest: Partial<History> = {}) => [
  ...new Set(checkHistory(history(operations, { maxAttempts: 3, ...rest })).map(({ rule }) => rule)),
];
const DEAD = { queue: 'dead' as const };
const DELETE = { kind: 'delete' as const };
const unknown = { outcome: 'unknown' as const };

/** An item was produced, leased and rejected. */
const rejected = (item: string, at = 0) => [
  produce(at, at + 1, item),
  lease(at + 2, at + 3, [given(item)]),
  retry(at + 4, at + 5, `${item}#1`, { dead: true }),
];
const REJECTED = rejected('a');
/** It is leased again after a task has returned it. */
const returned = (item: string, id = `${item}-again`) => died(given(item, 1, Number.NaN, id), 1);
const letter = (item: string, id = `${item}-letter`) => died(given(item, 1, Number.NaN, id), 1);

describe.each<
  [rule: string, broken: readonly Operation[], allowed: readonly Operation[], about?: Partial<History>]
>([
  // An item comes back only by a task that was created after its death, and had not ended before.
  [
    'returns',
    [...REJECTED, lease(20, 21, [returned('a')])],
    [...REJECTED, redrive(10, 30), lease(20, 21, [returned('a')])],
  ],
  [
    'returns',
    [redrive(1, 90), ...rejected('a', 10), lease(50, 51, [returned('a')])],
    [redrive(1, 90, { created: 20 }), ...rejected('a', 10), lease(50, 51, [returned('a')])],
  ],
  [
    'returns',
    [redrive(1, 3, { created: undefined }), ...REJECTED, lease(50, 51, [returned('a')])],
    [redrive(1, 3, { created: undefined, ...unknown }), ...REJECTED, lease(50, 51, [returned('a')])],
  ],
  [
    'returns',
    [...REJECTED, redrive(10, 30), lease(40, 41, [returned('a')], { partition: 1 })],
    [...REJECTED, redrive(10, 30), lease(40, 41, [returned('a')])],
  ],
  [
    'returns',
    [...REJECTED, redrive(10, 30, { end: { state: 'failed', done: 0, failed: 1 } })],
    [...REJECTED, redrive(10, 30, { cancelled: 20, end: { state: 'cancelled', done: 0, failed: 0 } })],
  ],
  [
    'returns',
    [
      ...[...REJECTED, redrive(10, 30, { end: { state: 'done', done: 2, failed: 0 } })],
      ...[lease(40, 41, [returned('a')]), complete(42, 43, 'a-again')],
    ],
    [
      ...[...REJECTED, redrive(10, 30, { end: { state: 'done', done: 1, failed: 0 } })],
      ...[lease(40, 41, [returned('a')]), complete(42, 43, 'a-again')],
    ],
    { drained: true },
  ],
  // What is kept stays with the item.
  [
    'letters',
    [
      ...[...REJECTED, redrive(10, 30)],
      lease(40, 41, [{ ...returned('a'), details: { firstId: 'x', source: letter('a').details?.source } }]),
    ],
    [...REJECTED, redrive(10, 30), lease(40, 41, [returned('a')])],
  ],
  [
    'letters',
    [...rejected('a').with(0, produce(0, 1, 'a', { named: true })), lease(40, 41, [letter('a')], DEAD)],
    [...REJECTED, lease(40, 41, [letter('a')], DEAD)],
  ],
  [
    'letters',
    [...REJECTED, lease(40, 41, [died(letter('a'), 1, { partition: 2 })], DEAD)],
    [...REJECTED, lease(40, 41, [died(letter('a'), 1)], DEAD)],
  ],
  [
    'letters',
    [...REJECTED, lease(40, 41, [died(letter('a'), 1, { reason: 'attempts' })], DEAD)],
    [
      ...[produce(0, 1, 'a'), lease(2, 3, [given('a')]), lease(1_010, 1_011, [given('a', 2)])],
      lease(2_020, 2_021, [died(letter('a'), 2, { reason: 'attempts' })], DEAD),
    ],
    { maxAttempts: 2 },
  ],
  [
    'letters',
    [
      ...[produce(0, 1, 'a'), lease(2, 3, [given('a')]), complete(4, 5, 'a#1', { outcome: 'not-done' })],
      lease(1_040, 1_041, [letter('a')], DEAD),
    ],
    [
      ...[produce(0, 1, 'a'), lease(2, 3, [given('a')]), retry(4, 5, 'a#1', { dead: true, ...unknown })],
      lease(1_040, 1_041, [letter('a')], DEAD),
    ],
  ],
  [
    'letters',
    [...REJECTED, lease(40, 41, [given('a', 2)])],
    [...REJECTED.with(2, retry(4, 5, 'a#1')), lease(40, 41, [given('a', 2)])],
  ],
  [
    'letters',
    [produce(0, 1, 'a'), lease(2, 3_500, [given('a', 4)])],
    [produce(0, 1, 'a'), lease(2, 3_500, [given('a', 3)])],
  ],
  // Letters keep their order.
  [
    'letters',
    [
      ...[...REJECTED, ...rejected('b'), list(8, 9, 'a b'), redrive(10, 30)],
      lease(40, 41, [returned('b'), returned('a')]),
    ],
    [
      ...[...REJECTED, ...rejected('b'), list(8, 9, 'a b'), redrive(10, 30)],
      lease(40, 41, [returned('a'), returned('b')]),
    ],
  ],
  [
    'letters',
    [
      ...[...REJECTED, ...rejected('b'), list(8, 9, 'a b'), redrive(10, 30)],
      ...[lease(40, 41, [returned('b')]), lease(50, 51, [returned('a')])],
    ],
    // A consumer leased a, and gave it back at the tail.
    [
      ...[...REJECTED, ...rejected('b'), list(8, 9, 'a b'), redrive(14, 30)],
      ...[lease(10, 11, [letter('a')], DEAD), retry(12, 13, 'a-letter', DEAD)],
      ...[lease(40, 41, [returned('b')]), lease(50, 51, [returned('a')])],
    ],
  ],
  // A letter that has returned is gone, and a letter has one life at a time.
  [
    'attempts',
    [...REJECTED, redrive(10, 30), lease(40, 41, [returned('a')]), lease(50, 51, [letter('a')], DEAD)],
    [
      ...[...REJECTED, lease(7, 8, [letter('a')], DEAD), retry(9, 10, 'a-letter', DEAD), redrive(10, 30)],
      lease(40, 41, [returned('a')]),
    ],
  ],
  [
    'attempts',
    [
      ...[...REJECTED, redrive(10, 30), lease(40, 41, [returned('a')])],
      lease(1_100, 1_101, [returned('a', 'copy')]),
    ],
    [
      ...[...REJECTED, redrive(10, 30), lease(40, 41, [returned('a')])],
      lease(1_100, 1_101, [{ ...returned('a', 'copy'), attempts: 2 }]),
    ],
  ],
  [
    'attempts',
    [...REJECTED, redrive(10, 30), lease(40, 41, [{ ...returned('a'), attempts: 2 }])],
    [...REJECTED, redrive(10, 30), lease(40, 1_041, [{ ...returned('a'), attempts: 2 }])],
  ],
  // A task leaves letters alone that a consumer holds.
  [
    'holding',
    [...[...REJECTED, lease(7, 8, [letter('a')], DEAD), redrive(10, 30)], lease(40, 41, [returned('a')])],
    [
      ...[...REJECTED, lease(7, 8, [letter('a')], DEAD), redrive(10, 2_000)],
      lease(1_040, 1_041, [returned('a')]),
    ],
  ],
  // A task that deletes letters leaves none.
  [
    'letters',
    [...REJECTED, list(8, 9, 'a'), redrive(10, 30, DELETE), lease(40, 41, [letter('a')], DEAD)],
    [
      ...[...REJECTED, list(8, 9, 'a')],
      redrive(10, 30, { ...DELETE, cancelled: 12, end: { state: 'cancelled', done: 0, failed: 0 } }),
      lease(40, 41, [letter('a')], DEAD),
    ],
  ],
  [
    'returns',
    [...REJECTED, redrive(10, 30, DELETE), lease(40, 41, [returned('a')])],
    [...REJECTED, redrive(10, 30), lease(40, 41, [returned('a')])],
  ],
  [
    'losses',
    [produce(0, 1, 'a'), lease(2, 3, [given('a')]), redrive(10, 30, DELETE)],
    [...REJECTED, redrive(10, 30, DELETE)],
    { drained: true },
  ],
  ['losses', REJECTED, [...REJECTED, clear(20, 21)], { drained: true }],
  ['losses', REJECTED, REJECTED.slice(0, 0), { drained: true }],
  [
    'losses',
    [...REJECTED, redrive(10, 30), lease(40, 41, [returned('a')])],
    [...REJECTED, redrive(10, 30), lease(40, 41, [returned('a')]), complete(42, 43, 'a-again')],
    { drained: true },
  ],
])('%s', (rule, broken, allowed, about = {}) => {
  test('is broken', () => expect(rulesBroken(broken, about)).toContain(rule));
  test('allows', () => expect(rulesBroken(allowed, about)).toEqual([]));
});

test('without a dead-letter queue a rejected item is gone', () => {
  expect(rulesBroken(REJECTED, { maxAttempts: undefined, drained: true })).toEqual([]);
});
