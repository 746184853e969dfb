import type { QueueError } from '../errors/queue-error.ts';

/**
 * The result of one request of a batch. A driver's batch call fails as a whole
 * only if the storage fails. A fault of one request is the outcome of that
 * request and does not affect the others.
 */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: QueueError };
