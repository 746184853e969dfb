import { expect, test, vi } from 'vitest';
import { OtherQueueError } from './other-queue-error.ts';
import { invalid, QueueError } from './queue-error.ts';
import { StorageError } from './storage-error.ts';

// The same modules once more, as a driver with its own copy of the package has them.
vi.resetModules();
const otherStorageErrors = await import('./storage-error.ts');
const otherQueueErrors = await import('./queue-error.ts');

test('errors of another copy of the package are recognised', () => {
  expect(otherStorageErrors.StorageError).not.toBe(StorageError);
  const failed = new otherStorageErrors.StorageError('x', { outcome: 'unknown' });
  expect(failed instanceof StorageError).toBe(true);
  expect(failed instanceof QueueError).toBe(false);
  expect(failed instanceof Error).toBe(true);
  expect(otherQueueErrors.invalid('x') instanceof QueueError).toBe(true);
  expect(otherQueueErrors.invalid('x') instanceof StorageError).toBe(false);
});

test('other values and errors are not', () => {
  for (const value of [undefined, null, 'StorageError', {}, new Error('x')]) {
    expect(value instanceof StorageError).toBe(false);
  }
  const lookalike = Object.assign(new Error('x'), { name: 'StorageError', outcome: 'not-applied' });
  expect(lookalike instanceof StorageError).toBe(false);
});

test('subclasses keep the usual meaning', () => {
  const other = new OtherQueueError('q', (name) => `${name.text}`);
  expect(other instanceof OtherQueueError).toBe(true);
  expect(other instanceof QueueError).toBe(true);
  expect(invalid('x') instanceof OtherQueueError).toBe(false);
});
