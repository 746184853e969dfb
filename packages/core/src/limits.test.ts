import { expect, test } from 'vitest';
import {
  DEFAULT_DEDUP_WINDOW,
  LIMITS,
  LONGEST_DEDUP_WINDOW,
  LONGEST_REQUEST_TIMEOUT,
  SCHEDULE_THRESHOLD,
  SHORTEST_DEDUP_WINDOW,
  SHORTEST_REQUEST_TIMEOUT,
} from './limits.ts';
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
    dedupKey: 256,
    metadataKey: 128,
    metadata: 4_096,
    itemError: 2_048,
  });
  expect(formatDuration(SHORTEST_REQUEST_TIMEOUT)).toBe('10ms');
  expect(formatDuration(LONGEST_REQUEST_TIMEOUT)).toBe('15m0s');
  expect(formatDuration(SCHEDULE_THRESHOLD)).toBe('100ms');
  expect(formatDuration(SHORTEST_DEDUP_WINDOW)).toBe('1s');
  expect(formatDuration(LONGEST_DEDUP_WINDOW)).toBe('336h0m0s');
  expect(formatDuration(DEFAULT_DEDUP_WINDOW)).toBe('5m0s');
});

test('a page is never longer than the largest limit', () => {
  expect(LIMITS.listPageDefault).toBeLessThanOrEqual(LIMITS.listPage);
});
