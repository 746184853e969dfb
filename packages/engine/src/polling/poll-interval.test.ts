import { expect, test } from 'vitest';
import { isPollDue, untilTickMs } from './poll-interval.ts';

const POLL_MS = 1_000;
const tickMs = (fraction: number) => untilTickMs(POLL_MS, { fraction: () => fraction, base62: () => '' });
const [earliestMs, latestMs] = [tickMs(0), tickMs(1 - Number.EPSILON)];

test('a poll runs early enough in the interval that its result arrives within it', () => {
  expect(latestMs).toBeLessThanOrEqual(0.9 * POLL_MS);
  expect(earliestMs).toBeLessThan(latestMs);
});

test('a process that receives no notifications polls at every tick, however early', () => {
  expect(isPollDue(earliestMs, POLL_MS, false)).toBe(true);
  expect(isPollDue(earliestMs, POLL_MS, undefined)).toBe(true);
});

test('a process that receives notifications polls about every seven seconds', () => {
  expect(isPollDue(7_000, POLL_MS, true)).toBe(false);
  expect(isPollDue(7_200, POLL_MS, true)).toBe(true);
});
