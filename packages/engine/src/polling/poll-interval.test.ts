import { expect, test } from 'vitest';
import { isPollDue, untilTickMs } from './poll-interval.ts';

const POLL_MS = 1_000;
const tickMs = (fraction: number) => untilTickMs(POLL_MS, { fraction: () => fraction, base62: () => '' });
const [earliestMs, latestMs] = [tickMs(0), tickMs(1 - Number.EPSILON)];

test('others know within the poll interval, and there is time left for the look', () => {
  expect(latestMs).toBeLessThanOrEqual(0.9 * POLL_MS);
  expect(earliestMs).toBeLessThan(latestMs);
});

test('one who hears nobody looks at every tick, however early it is', () => {
  expect(isPollDue(earliestMs, POLL_MS, false)).toBe(true);
  expect(isPollDue(earliestMs, POLL_MS, undefined)).toBe(true);
});

test('one who hears others looks every seven seconds or so', () => {
  expect(isPollDue(7_000, POLL_MS, true)).toBe(false);
  expect(isPollDue(7_200, POLL_MS, true)).toBe(true);
});
