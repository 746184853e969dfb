import { QueueError } from '../errors/queue-error.ts';

/** The error for a caller without the permission. It does not say whether the object exists. */
export function accessDenied(): QueueError {
  return new QueueError('forbidden', 'access denied');
}
