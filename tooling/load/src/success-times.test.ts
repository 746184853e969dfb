import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SuccessTimes } from './success-times.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('the gaps of a queue are the times between its own successes that end after a moment', () => {
  const times = new SuccessTimes();
  const start = performance.now();
  for (const [after, queue] of [
    [0, 'a'],
    [10, 'a'],
    [5, 'b'],
    [15, 'a'],
    [30, 'b'],
  ] as const) {
    vi.advanceTimersByTime(after);
    times.add('complete', queue);
  }
  const since = start + 11;
  expect(times.gaps('complete', 'a', since)).toEqual([{ from: start + 10, to: start + 30 }]);
  expect(times.gaps('complete', 'b', since)).toEqual([{ from: start + 15, to: start + 60 }]);
  expect(times.gaps('produce', 'a', since)).toEqual([]);
  expect(times.gap('complete', start)).toBe(30);
});
