import type { RequestTrace } from '../tracer.ts';
import type { WaitOptions } from '../waiting/pending-request.ts';

/** How a caller reports that it no longer waits. */
export interface CallOptions {
  /** Aborted when the caller is gone. A call that has not taken effect then never does. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the caller is gone, for callers whose signal costs more than the
   * call. Polled before the call is sent to storage, and before items are handed
   * out. Needs `signal` as well. The signal is read only when the caller has to
   * wait for items, or for a storage that is down or slow.
   */
  readonly isGone?: (() => boolean) | undefined;
  /** Goes to the `tracer` of the service with the storage calls that carry the request. Undefined: it is not traced. */
  readonly trace?: RequestTrace | undefined;
}

/** Reads `options.signal` at once only if the caller has no `isGone`. A signal costs more than the call. */
export function waitOptions(timeoutMs: number, options: CallOptions): WaitOptions {
  const { isGone, trace } = options;
  if (isGone === undefined) return { timeoutMs, signal: options.signal, trace };
  return { timeoutMs, signal: undefined, trace, lazySignal: { isGone, create: () => options.signal } };
}
