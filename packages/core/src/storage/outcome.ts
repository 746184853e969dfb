import type { QueueError } from '../errors/queue-error.ts';

/**
 * How one request of a batch ended. A batch call of a driver fails as a whole
 * only when storage failed; what is wrong with one request is that request's
 * outcome, and leaves the others alone.
 */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: QueueError };
