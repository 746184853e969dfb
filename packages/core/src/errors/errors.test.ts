import { expect, test } from 'vitest';
import { invariant } from '../invariant.ts';
import { ERROR_CODES, type ErrorCode } from './error-codes.ts';
import { invalid, QueueError } from './queue-error.ts';
import { StorageError } from './storage-error.ts';

test('a queue error knows whether the same request may succeed later', () => {
  const retryable = (Object.keys(ERROR_CODES) as ErrorCode[]).filter(
    (code) => new QueueError(code, '').retryable,
  );
  expect(retryable).toEqual(['limited', 'retry', 'internal']);
  expect(invalid('wrong')).toMatchObject({ name: 'QueueError', code: 'invalid', message: 'wrong' });
});

test('errors keep their cause for the log', () => {
  const cause = new Error('cause');
  expect(new QueueError('internal', 'text', { cause }).cause).toBe(cause);
  expect(new StorageError('text', { outcome: 'unknown', cause }).cause).toBe(cause);
});

test('a storage error says what is known of the call', () => {
  const error = new StorageError('connection lost', { outcome: 'unknown' });
  expect(error).toMatchObject({ name: 'StorageError', message: 'connection lost', outcome: 'unknown' });
  expect('cause' in error).toBe(false);
});

test('a broken invariant stops the program at that place', () => {
  expect(() => invariant(true, 'fine')).not.toThrow();
  expect(() => invariant(0, 'nothing is something')).toThrow('invariant broken: nothing is something');
});
