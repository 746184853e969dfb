import { QueueError } from '@querator/core';
import { expect, test } from 'vitest';
import {
  BrokenReplyError,
  ClientError,
  ConnectError,
  ConnectionLostError,
  InfrastructureError,
  isTransient,
  ReplyError,
  RequestTimeoutError,
} from '../../src/index.ts';
import { fromThreadError, toThreadError } from '../../src/thread/thread-error.ts';

const url = 'http://queue.test/v2/queue.extend';
const refusal = {
  code: 454,
  codeText: 'Retry Request',
  message: 'busy',
  details: new Map([['code', 'unavailable']]),
};

test.each([
  new ConnectError(url, 'refused'),
  new ConnectionLostError(url, 'reset'),
  new RequestTimeoutError(url, 5),
  new InfrastructureError(url, 502, 'bad gateway'),
  new BrokenReplyError(url, 'no message'),
  new ReplyError(url, refusal),
  new QueueError('failed', 'service is shutting down'),
  new TypeError('wrong'),
])('a message carries a %s', (error) => {
  const copy = fromThreadError(structuredClone(toThreadError(error)));
  expect(copy.message).toBe(error.message);
  expect(copy.name).toBe(error.name);
  if (!(error instanceof TypeError)) expect(copy).toBeInstanceOf(error.constructor);
  if (error instanceof ClientError) expect(copy).toMatchObject({ url, outcome: error.outcome });
  if (error instanceof QueueError)
    expect([(copy as QueueError).code, (copy as QueueError).reason]).toEqual([error.code, error.reason]);
  expect(isTransient(copy)).toBe(isTransient(error));
});

test('a message carries what is no error', () => {
  expect(fromThreadError(toThreadError(undefined)).message).toBe('undefined');
});
