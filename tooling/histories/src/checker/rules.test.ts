import { describe, expect, test } from 'vitest';
import { clear, complete, extend, given, history, lease, produce, retry } from '../../test/small-history.ts';
import type { History, Operation } from '../history/history.ts';
import { checkHistory } from './check-history.ts';

const rulesBroken = (operations: readonly Operation[], rest: Partial<History> = {}) => [
  ...new Set(checkHistory(history(operations, rest)).map(({ rule }) => rule)),
];
const DRAINED = { drained: true };
const unknown = { outcome: 'unknown' as const };
const OUTBOX = { outbox: true as const };
const late = 2_500;
/** A consumer has leased an item. */
const HELD = [produce(0, 1, 'a'), lease(0, 1, [given('a')])];
/** An acknowledged request under the key of its first item. */
const keyed = (from: number, to: number, items: string, ids: readonly string[], { duplicate = false } = {}) =>
  produce(from, to, items, { key: items.split(' ')[0], told: { ids, duplicate } });

describe.each<
  [rule: string, broken: readonly Operation[], allowed: readonly Operation[], about?: Partial<History>]
>([
  ['origin', [lease(0, 1, [given('a')])], [produce(0, 2, 'a'), lease(1, 3, [given('a')])]],
  [
    'origin',
    [produce(0, 1, 'a', { outcome: 'not-done' }), lease(2, 3, [given('a')])],
    [produce(0, 1, 'a', unknown), lease(2, 3, [given('a')])],
  ],
  [
    'origin',
    [lease(0, 1, [given('a')]), produce(2, 3, 'a')],
    [lease(0, 3, [given('a')]), produce(2, 3, 'a')],
  ],
  [
    'keys',
    [keyed(0, 1, 'a', ['a#1']), keyed(2, 3, 'a', ['a#1'])],
    [keyed(0, 1, 'a', ['a#1']), keyed(2, 3, 'a', ['a#1'], { duplicate: true })],
  ],
  [
    'keys',
    [keyed(0, 1, 'a', ['a#1']), keyed(2, 3, 'a', ['a#2'], { duplicate: true })],
    [keyed(0, 1, 'a', ['a#1']), keyed(2, 3, 'b', ['b#1'])],
  ],
  [
    'keys',
    [produce(0, 1, 'a', { key: 'a', outcome: 'not-done' }), keyed(2, 3, 'a', ['a#1'], { duplicate: true })],
    [produce(0, 1, 'a', { key: 'a', ...unknown }), keyed(2, 3, 'a', ['a#1'], { duplicate: true })],
  ],
  [
    'keys',
    [keyed(0, 1, 'a', ['a#9']), lease(2, 3, [given('a')])],
    [keyed(0, 1, 'a', ['a#1']), lease(2, 3, [given('a')])],
  ],
  // A key that was told as a duplicate is stored, so its items must come.
  [
    'losses',
    [produce(0, 1, 'a', { key: 'a', ...unknown }), keyed(2, 3, 'a', ['a#1'], { duplicate: true })],
    [produce(0, 1, 'a', { key: 'a', ...unknown }), produce(2, 3, 'a', { key: 'a', ...unknown })],
    DRAINED,
  ],
  // A repeated request does not make its items younger.
  [
    'origin',
    [produce(2, 3, 'a', { key: 'a', ...unknown }), keyed(4, 5, 'a', ['a#1']), lease(0, 1, [given('a')])],
    [produce(0, 9, 'a', { key: 'a', ...unknown }), keyed(4, 5, 'a', ['a#1']), lease(2, 3, [given('a')])],
  ],
  [
    'extending',
    [...HELD, lease(1_600, 1_601, [given('a', 2)]), extend(1_700, 1_701, 'a#1')],
    [...HELD, lease(1_600, 1_601, [given('a', 2)]), extend(1_600, 1_602, 'a#1', { lost: 'a#1' })],
  ],
  [
    'extending',
    [...HELD, complete(2, 3, 'a#1'), extend(4, 5, 'a#1')],
    [...HELD, complete(2, 5, 'a#1'), extend(4, 6, 'a#1')],
  ],
  [
    'extending',
    [...HELD, extend(500, 501, 'a#1', { lost: 'a#1' })],
    [...HELD, extend(990, 1_001, 'a#1', { lost: 'a#1' })],
  ],
  [
    'extending',
    [...HELD, extend(500, 501, 'a#1'), extend(1_400, 1_401, 'a#1', { lost: 'a#1' })],
    [...HELD, extend(500, 501, 'a#1', unknown), extend(1_400, 1_401, 'a#1', { lost: 'a#1' })],
  ],
  [
    'extending',
    [...HELD, extend(500, 501, 'a#1', { deadline: 1_600 })],
    [...HELD, extend(500, 501, 'a#1', { deadline: 1_501 })],
  ],
  [
    'holding',
    [...HELD, extend(500, 501, 'a#1'), lease(1_200, 1_201, [given('a', 2)])],
    [...HELD, extend(500, 501, 'a#1', unknown), lease(1_200, 1_201, [given('a', 2)])],
  ],
  // A complete is refused although an extended lease lasts.
  [
    'settlement',
    [...HELD, extend(500, 501, 'a#1'), complete(1_200, 1_201, 'a#1', { outcome: 'invalid' })],
    [...HELD, extend(500, 501, 'a#1'), complete(1_500, 1_501, 'a#1', { outcome: 'invalid' })],
  ],
  [
    'handles',
    [produce(0, 1, 'a'), lease(2, 3, [given('a')]), lease(late, 2_501, [given('a', 2, 3_500, 'a#1')])],
    [produce(0, 1, 'a'), lease(2, 3, [given('a')]), lease(late, 2_501, [given('a', 2, 3_500)])],
  ],
  [
    'holding',
    [produce(0, 1, 'a'), lease(2, 3, [given('a')]), lease(500, 900, [given('a', 2, 2_000)])],
    [produce(0, 1, 'a'), lease(2, 3, [given('a')]), lease(500, 1_004, [given('a', 2, 2_000)])],
  ],
  [
    'holding',
    [
      produce(0, 1, 'a'),
      lease(2, 3, [given('a')]),
      retry(4, 5, 'a#1', { outcome: 'invalid' }),
      lease(6, 7, [given('a', 2)]),
    ],
    [
      produce(0, 1, 'a'),
      lease(2, 3, [given('a')]),
      retry(4, 5, 'a#1', unknown),
      lease(6, 7, [given('a', 2)]),
    ],
  ],
  [
    'attempts',
    [produce(0, 1, 'a'), lease(2, 3, [given('a')]), lease(late, 2_501, [given('a', 1, 3_500, 'x')])],
    [produce(0, 1, 'a'), lease(2, 3, [given('a')]), lease(late, 2_501, [given('a', 3, 3_500, 'x')])],
  ],
  [
    'attempts',
    [produce(0, 1, 'a'), lease(2, 3, [given('a', 2)])],
    [produce(0, 1, 'a'), lease(2, 1_003, [given('a', 2)])],
  ],
  [
    'settlement',
    [produce(0, 1, 'a'), lease(2, 3, [given('a')]), complete(4, 5, 'a#1'), complete(6, 7, 'a#1')],
    [
      produce(0, 1, 'a'),
      lease(2, 3, [given('a')]),
      complete(4, 5, 'a#1'),
      complete(6, 7, 'a#1', { outcome: 'invalid' }),
    ],
  ],
  [
    'settlement',
    [
      produce(0, 1, 'a'),
      lease(2, 3, [given('a')]),
      lease(late, 2_501, [given('a', 2, 3_500)]),
      complete(2_600, 2_601, 'a#1'),
    ],
    [
      produce(0, 1, 'a'),
      lease(2, 3, [given('a')]),
      lease(late, 2_501, [given('a', 2, 3_500)]),
      complete(2_600, 2_601, 'a#1', unknown),
    ],
  ],
  [
    'settlement',
    [
      produce(0, 1, 'a'),
      lease(2, 3, [given('a')]),
      complete(4, 5, 'a#1'),
      lease(late, 2_501, [given('a', 2, 3_500)]),
    ],
    [
      produce(0, 1, 'a'),
      lease(2, 3, [given('a')]),
      complete(4, 5, 'a#1', unknown),
      lease(late, 2_501, [given('a', 2, 3_500)]),
    ],
  ],
  [
    'settlement',
    [produce(0, 1, 'a'), lease(2, 3, [given('a')]), complete(4, 5, 'a#1', { outcome: 'invalid' })],
    [produce(0, 1, 'a'), lease(2, 3, [given('a')]), complete(4, 1_004, 'a#1', { outcome: 'invalid' })],
  ],
  [
    'requests',
    [produce(0, 1, 'a b'), lease(2, 3, [given('a')]), lease(2, 3, [given('b')], { partition: 1 })],
    [produce(0, 1, 'a b'), lease(2, 3, [given('a')]), lease(2, 3, [given('b')])],
  ],
  [
    'requests',
    [produce(0, 5, 'a1 a2'), produce(0, 5, 'b'), lease(6, 7, [given('a1'), given('b'), given('a2')])],
    [produce(0, 5, 'a1 a2'), produce(0, 5, 'b'), lease(6, 7, [given('b'), given('a1'), given('a2')])],
  ],
  [
    'requests',
    [
      produce(0, 5, 'a1 a2'),
      produce(0, 5, 'b'),
      lease(6, 7, [given('a1')]),
      lease(8, 9, [given('b')]),
      lease(10, 11, [given('a2')]),
    ],
    // Here b may become visible after a1 was taken.
    [
      produce(0, 5, 'a1 a2'),
      produce(0, 8, 'b'),
      lease(6, 7, [given('a1')]),
      lease(8, 9, [given('b')]),
      lease(10, 11, [given('a2')]),
    ],
  ],
  [
    'order',
    [produce(0, 1, 'a'), produce(2, 3, 'b'), lease(4, 5, [given('b')]), lease(6, 7, [given('a')])],
    [produce(0, 1, 'a'), produce(2, 3, 'b'), lease(4, 6, [given('b')]), lease(5, 7, [given('a')])],
  ],
  [
    'order',
    [produce(0, 1, 'a'), produce(2, 3, 'b'), lease(4, 5, [given('b'), given('a')])],
    [produce(0, 2, 'a'), produce(1, 3, 'b'), lease(4, 5, [given('b'), given('a')])],
  ],
  [
    'order',
    [produce(0, 1, 'a b'), lease(4, 5, [given('b')]), lease(6, 7, [given('a')])],
    [produce(0, 1, 'a b'), lease(4, 6, [given('b')]), lease(5, 7, [given('a')])],
  ],
  [
    'order',
    // Given back before b was produced, so it is before b.
    [
      produce(0, 1, 'a'),
      lease(2, 3, [given('a')]),
      retry(4, 5, 'a#1'),
      produce(6, 7, 'b'),
      lease(8, 9, [given('b')]),
      lease(10, 11, [given('a', 2)]),
    ],
    [
      produce(0, 1, 'a'),
      lease(2, 3, [given('a')]),
      produce(4, 5, 'b'),
      retry(6, 7, 'a#1'),
      lease(8, 9, [given('b')]),
      lease(10, 11, [given('a', 2)]),
    ],
  ],
  [
    'order',
    // Items that are due at the same time keep their order.
    [produce(0, 1, 'a b', { notBefore: 500 }), lease(900, 901, [given('b')]), lease(902, 903, [given('a')])],
    [produce(0, 1, 'a b', { notBefore: 500 }), lease(900, 901, [given('a')]), lease(902, 903, [given('b')])],
  ],
  [
    'requests',
    [
      produce(0, 1, 'a1 a2', { notBefore: 500 }),
      ...[produce(600, 601, 'b'), lease(900, 901, [given('a1')]), lease(902, 903, [given('b')])],
      lease(904, 905, [given('a2')]),
    ],
    [
      produce(0, 1, 'a1 a2', { notBefore: 500 }),
      ...[produce(600, 601, 'b'), lease(900, 901, [given('b')]), lease(902, 903, [given('a1')])],
      lease(904, 905, [given('a2')]),
    ],
  ],
  // Of two transactions with an outbox, the second begins after the commit of the first.
  [
    'order',
    [
      ...[produce(0, 1, 'a', OUTBOX), produce(2, 3, 'b', OUTBOX)],
      ...[lease(4, 5, [given('b')]), lease(6, 7, [given('a')])],
    ],
    [
      ...[produce(0, 3, 'a', OUTBOX), produce(2, 3, 'b', OUTBOX)],
      ...[lease(4, 5, [given('b')]), lease(6, 7, [given('a')])],
    ],
  ],
  [
    'order',
    [produce(0, 1, 'a b', OUTBOX), lease(4, 5, [given('b'), given('a')])],
    [produce(0, 1, 'a b', OUTBOX), lease(4, 5, [given('b')]), lease(4, 5, [given('a')], { partition: 1 })],
  ],
  [
    'order',
    [produce(0, 1, 'a'), produce(2, 3, 'b'), lease(4, 5, [given('b')]), lease(6, 7, [given('a')])],
    [produce(0, 1, 'a', OUTBOX), produce(2, 3, 'b'), lease(4, 5, [given('b')]), lease(6, 7, [given('a')])],
  ],
  [
    'requests',
    [produce(0, 5, 'a1 a2'), produce(0, 5, 'b'), lease(6, 7, [given('a1'), given('b'), given('a2')])],
    [
      ...[produce(0, 5, 'a1 a2', OUTBOX), produce(0, 5, 'b', OUTBOX)],
      lease(6, 7, [given('a1'), given('b'), given('a2')]),
    ],
  ],
  [
    'origin',
    [produce(0, 1, 'a', { ...OUTBOX, outcome: 'not-done' }), lease(2, 3, [given('a')])],
    [produce(0, 1, 'a', { ...OUTBOX, ...unknown }), lease(2, 3, [given('a')])],
  ],
  ['losses', [produce(0, 1, 'a', OUTBOX)], [produce(0, 1, 'a', { ...OUTBOX, ...unknown })], DRAINED],
  [
    'schedule',
    [produce(0, 1, 'a', { notBefore: 500 }), lease(2, 390, [given('a')])],
    [produce(0, 1, 'a', { notBefore: 500 }), lease(2, 400, [given('a')])],
  ],
  [
    'schedule',
    [
      produce(0, 1, 'a'),
      lease(2, 3, [given('a')]),
      retry(4, 5, 'a#1', { notBefore: 500 }),
      lease(6, 7, [given('a', 2)]),
    ],
    [
      produce(0, 1, 'a'),
      lease(2, 3, [given('a')]),
      retry(4, 5, 'a#1', { notBefore: 500 }),
      lease(6, 500, [given('a', 2)]),
    ],
  ],
  [
    'clearing',
    [produce(0, 1, 'a'), clear(2, 3), lease(4, 5, [given('a')])],
    [produce(0, 2, 'a'), clear(1, 3), lease(4, 5, [given('a')])],
  ],
  ['losses', [produce(0, 1, 'a')], [produce(0, 1, 'a'), clear(0, 2)], DRAINED],
  [
    'losses',
    [produce(0, 1, 'a'), lease(2, 3, [given('a')]), complete(4, 5, 'a#1', { outcome: 'not-done' })],
    [produce(0, 1, 'a'), lease(2, 3, [given('a')]), complete(4, 5, 'a#1', unknown)],
    DRAINED,
  ],
  [
    'losses',
    [produce(0, 1, 'a b', unknown), lease(2, 3, [given('a')]), complete(4, 5, 'a#1')],
    [produce(0, 1, 'a b', unknown)],
    DRAINED,
  ],
])('%s', (rule, broken, allowed, about = {}) => {
  test('is broken', () => expect(rulesBroken(broken, about)).toContain(rule));
  test('allows', () => expect(rulesBroken(allowed, about)).toEqual([]));
});

test('the time of a lease is its start, however long the request waited', () => {
  const operations = (invoked: number, deadline: number) => [
    ...[produce(0, 1, 'a'), produce(2, 3, 'b')],
    ...[lease(20, 21, [given('b')]), lease(invoked, 31, [given('a', 1, deadline)])],
  ];
  expect(rulesBroken(operations(30, 1_036))).toEqual(['order']);
  expect(rulesBroken(operations(10, 1_036))).toEqual(['order']);
  // Taken earlier, for another request.
  expect(rulesBroken(operations(30, 1_015))).toEqual([]);
});
