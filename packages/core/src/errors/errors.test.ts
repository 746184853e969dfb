import { expect, test } from 'vitest';
import { invariant } from '../invariant.ts';
import { ERROR_CODES, type ErrorCode } from './error-codes.ts';
import { invalid, QueueError } from './queue-error.ts';
import { StorageError } from './storage-error.ts';

test('a queue error has the retryable flag of its code', () => {
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

test('a storage error has the outcome of the call', () => {
  const error = new StorageError('connection lost', { outcome: 'unknown' });
  expect(error).toMatchObject({ name: 'StorageError', message: 'connection lost', outcome: 'unknown' });
  expect('cause' in error).toBe(false);
});

test('a broken invariant throws at once', () => {
  expect(() => invariant(true, 'fine')).not.toThrow();
  expect(() => invariant(0, 'nothing is something')).toThrow('invariant broken: nothing is something');
});
