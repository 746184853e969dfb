import { expect, test } from 'vitest';
import { LIMITS, LONGEST_REQUEST_TIMEOUT, SCHEDULE_THRESHOLD, SHORTEST_REQUEST_TIMEOUT } from './limits.ts';
import { formatDuration } from './time/duration.ts';

test('the limits have the documented values', () => {
  expect(LIMITS).toMatchObject({
    produceBatch: 1_000,
    leaseBatch: 1_000,
    completeBatch: 1_000,
    requestsBuffered: 100,
    queueName: 512,
    deadQueueName: 500,
    queueReference: 2_000,
    namespaceName: 256,
    timeoutText: 15,
    maxAttempts: 65_536,
  });
  expect(formatDuration(SHORTEST_REQUEST_TIMEOUT)).toBe('10ms');
  expect(formatDuration(LONGEST_REQUEST_TIMEOUT)).toBe('15m0s');
  expect(formatDuration(SCHEDULE_THRESHOLD)).toBe('100ms');
});

test('a page is never longer than the largest limit', () => {
  expect(LIMITS.listPageDefault).toBeLessThanOrEqual(LIMITS.listPage);
});
