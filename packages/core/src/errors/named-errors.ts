import { QueueError } from './queue-error.ts';

/**
 * Makes the error for a queue that holds items, so that it is not deleted.
 *
 * @param message made by the tag `errorText`.
 */
export function notEmpty(message: string): QueueError {
  return new QueueError('invalid', message, { reason: 'not_empty' });
}
