import { expect, test } from 'vitest';
import type { History, Operation } from '../history/history.ts';
import { serviceGaps } from './service-gaps.ts';

const call = (kind: 'produce' | 'complete', instance: number, returned: number, outcome = 'ok') =>
  ({ call: kind, instance, invoked: returned - 1, returned, outcome }) as unknown as Operation;

const historyOf = (operations: readonly Operation[]): History => ({
  ...{ version: 1, origin: 'a test', partitions: 1, leaseTimeoutMs: 1_000, drained: true },
  disturbances: [
    { what: 'first', from: 100, to: 200 },
    { what: 'second', from: 500, to: 600 },
  ],
  operations,
});

test('a gap is the longest time between two successes of a server that overlaps the disturbance', () => {
  const times = [10, 95, 98, 180, 190, 210, 490, 620, 1_000];
  const gaps = serviceGaps(historyOf(times.map((time) => call('produce', 0, time))));
  // 98 to 180; not 210 to 490, which is between the two; then 490 to 620.
  expect(gaps.map(({ produceMs }) => produceMs)).toEqual([82, 130]);
  expect(gaps.map(({ completeMs }) => completeMs)).toEqual([0, 0]);
});

test('failed calls, and calls of another server, do not end a gap', () => {
  const gaps = serviceGaps(
    historyOf([
      ...[call('complete', 0, 50), call('complete', 0, 120, 'unknown'), call('complete', 0, 300)],
      ...[call('complete', 1, 50), call('complete', 1, 120), call('complete', 1, 130)],
    ]),
  );
  const first = gaps.filter(({ disturbance }) => disturbance.what === 'first');
  expect(first.map(({ instance, completeMs }) => [instance, completeMs])).toEqual([
    [0, 250],
    [1, 70],
  ]);
});
