import { MESSAGES, QueueError, queuePaused } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import {
  backOffMs,
  ConnectError,
  ConnectionLostError,
  InfrastructureError,
  isTransient,
  isUnstored,
} from '../src/index.ts';

const url = 'http://queue.test';

describe('back-off', () => {
  const backOff = { firstMs: 100, mostMs: 1_000 };
  const least = { base62: () => '', fraction: () => 0 };
  const most = { base62: () => '', fraction: () => 1 - 2 ** -53 };

  test('doubles with each failure, up to a limit, and varies by half', () => {
    const spans = [1, 2, 3, 4, 5, 50, 5_000];
    expect(spans.map((failures) => backOffMs(failures, least, backOff))).toEqual([
      50, 100, 200, 400, 500, 500, 500,
    ]);
    expect(spans.map((failures) => Math.round(backOffMs(failures, most, backOff)))).toEqual([
      100, 200, 400, 800, 1_000, 1_000, 1_000,
    ]);
  });

  test('differs from one consumer to the next', () => {
    expect(backOffMs(3, new SeededRandom(1))).not.toBe(backOffMs(3, new SeededRandom(2)));
  });
});

test.each([
  [new QueueError('retry', 'whatever'), true],
  [new QueueError('internal', MESSAGES.internal), true],
  [new QueueError('failed', MESSAGES.serviceShutdown), true],
  [new QueueError('invalid', MESSAGES.duplicateClientId), true],
  [new QueueError('invalid', 'queue does not exist; no such queue'), false],
  [new QueueError('unauthenticated', 'api key is invalid'), false],
  [new ConnectError(url, 'refused'), true],
  [new ConnectionLostError(url, 'reset'), true],
  [new InfrastructureError(url, 503, 'proxy'), true],
  [new InfrastructureError(url, 429, 'proxy'), true],
  [new InfrastructureError(url, 404, 'proxy'), false],
  [new Error('a bug'), false],
])('%s: transient is %s', (error, transient) => {
  expect(isTransient(error)).toBe(transient);
});

test.each([
  [new QueueError('retry', MESSAGES.produceTimedOut), true],
  [new QueueError('retry', MESSAGES.overloaded), true],
  [queuePaused(1_000), true],
  [new QueueError('retry', MESSAGES.produceOutcomeUnknown), false],
  [new QueueError('retry', MESSAGES.storageFailed), false],
  [new QueueError('internal', MESSAGES.internal), false],
  [new ConnectionLostError(url, 'reset'), false],
])('%s: certain not to be stored is %s', (error, unstored) => {
  expect(isUnstored(error)).toBe(unstored);
});
