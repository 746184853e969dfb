import { describe, expect, test } from 'vitest';
import { given, history, lease, produce } from '../../test/small-history.ts';
import type { History, Lease, Operation, ReleaseCount } from '../history/history.ts';
import { checkHistory } from './check-history.ts';

/** Two items, of which the second is delivered first, some time after all other events. */
const overtakes = (before: readonly Operation[], rest: Partial<History> = {}, at = 2_000) => {
  const operations = [
    ...[produce(0, 1, 'a'), produce(2, 3, 'b'), ...before],
    ...[lease(at, at + 1, [given('b')]), lease(at + 2, at + 3, [given('a')])],
  ];
  return checkHistory(history(operations, rest)).map(({ rule }) => rule);
};
const emptyHanded = { outcome: 'not-done' as const };
/** The lease returned items. */
const served = (invoked: number, returned: number, takenFrom: number, rest: Partial<Lease> = {}) =>
  lease(invoked, returned, [given('x', 1, takenFrom + 1_005)], rest);
const x = produce(0, 1, 'x');

describe('the time from which an item that was passed over proves a fault', () => {
  test('is any time if nothing else happened', () => expect(overtakes([])).toEqual(['order']));

  test('is no time in a disturbance, or until the items that it hid are found again', () => {
    const disturbances = [{ what: 'cut', from: 1_000, to: 1_001 }];
    expect(overtakes([], { disturbances })).toEqual([]);
    expect(overtakes([], { disturbances }, 7_502)).toEqual(['order']);
  });

  test('is no time after a lease for a consumer that left', () => {
    expect(overtakes([lease(4, 5, [], emptyHanded)])).toEqual([]);
    expect(overtakes([lease(4, 5, [], emptyHanded)], {}, 6_506)).toEqual(['order']);
    expect(overtakes([lease(2_002, 2_003, [], emptyHanded)])).toEqual(['order']);
  });
});

describe('a lease that was answered', () => {
  const overtaken = (one: Lease, partitions: number) => overtakes([x, one], { partitions }).includes('order');

  test('from one partition leased nothing else, however long it waited or was in transit', () => {
    expect(overtaken(served(10, 500, 480), 1)).toBe(true);
    expect(overtaken(served(10, 500, 12), 1)).toBe(true);
    expect(overtaken(served(10, 500, 2), 1)).toBe(true);
  });

  test('whose reply came after its deadline may have leased items twice: the server was suspended', () => {
    expect(overtaken(served(10, 1_200, 999), 1)).toBe(true);
    expect(overtaken(served(10, 1_200, 1_000), 1)).toBe(false);
  });

  test('from one of several partitions may also have asked another one, if it took long enough to be slow', () => {
    expect(overtaken(served(10, 29, 15), 3)).toBe(true);
    expect(overtaken(served(10, 30, 15), 3)).toBe(false);
  });

  test('with items that were leased for another request may have left items that were leased for it', () => {
    expect(overtaken(served(20, 25, 10), 3)).toBe(true);
    expect(overtaken(served(20, 25, 9), 3)).toBe(false);
  });
});

describe('the report of a server that it released nothing', () => {
  const left = lease(300, 400, [], emptyHanded);
  const count = (asked: number, rest: Partial<ReleaseCount> = {}): ReleaseCount => ({
    ...{ instance: 0, process: 1, asked, answered: asked + 10, released: 7, ...rest },
  });
  // An undone lease lasts at most until 1,500 ms after its answer.
  test.each<[string, readonly string[], readonly ReleaseCount[]]>([
    ['counts', ['order'], [count(290), count(1_900)]],
    ['must be of before', [], [count(291), count(1_900)]],
    ['must be of afterwards', [], [count(290), count(1_899)]],
    ['is the last one of before', [], [count(200), count(250, { released: 6 }), count(1_900)]],
    ['is not given where it put something back', [], [count(290), count(1_900, { released: 8 })]],
    ['must be of one process', [], [count(290), count(1_900, { process: 2 })]],
    ['must be its own', [], [count(290, { instance: 1 }), count(1_900, { instance: 1 })]],
  ])('%s', (_, rules, releases) => expect(overtakes([left], { releases })).toEqual(rules));
});
