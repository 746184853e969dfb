import type { Clock, LeasedItem } from '@querator/core';
import { catchRejection, shown, warner } from './callback-warnings.ts';
import { LONGEST_DELAY_MS } from './retry-policy.ts';

/** The user's callbacks of a consumer. */
export interface Callbacks {
  readonly onError?: ((error: unknown, item?: LeasedItem) => void) | undefined;
  readonly retryDelayMs?: ((attempts: number) => number) | undefined;
}

/** The same callbacks, guarded: they never throw and never return an unexpected value. */
export interface GuardedCallbacks {
  readonly onError: (error: unknown, item?: LeasedItem) => void;
  /** Milliseconds, from 0 to a year. */
  readonly retryDelayMs: (attempts: number) => number;
}

/** Dependencies of the guard. */
export interface GuardDeps {
  /** The queue name in warnings. */
  readonly queueName: string;
  readonly clock: Clock;
  /** The delay if the user's `retryDelayMs` is undefined or fails. */
  readonly defaultDelayMs: (attempts: number) => number;
}

const WARNING_CODE = 'QUERATOR_CONSUMER_CALLBACK';

/**
 * Wraps a consumer's callbacks so that their failures cannot end the loop or
 * lose the work of a batch. A failure becomes a process warning
 * (`process.on('warning')`, on standard error by default).
 */
export function guardCallbacks(callbacks: Callbacks, deps: GuardDeps): GuardedCallbacks {
  const { defaultDelayMs } = deps;
  const consumer = `the consumer of queue '${deps.queueName}'`;
  const warnOnError = warner(`onError of ${consumer}`, WARNING_CODE, deps.clock);
  const warnRetryDelay = warner(`retryDelayMs of ${consumer}`, WARNING_CODE, deps.clock);
  return {
    onError: (error, item) => {
      const failed = (thrown: unknown) =>
        warnOnError(`threw ${shown(thrown)}\nwhen it was called with ${shown(error)}`);
      try {
        catchRejection(callbacks.onError?.(error, item), failed);
      } catch (thrown) {
        failed(thrown);
      }
    },
    retryDelayMs: (attempts) => {
      if (callbacks.retryDelayMs === undefined) return defaultDelayMs(attempts);
      try {
        const delay: unknown = callbacks.retryDelayMs(attempts);
        catchRejection(delay, () => {});
        if (typeof delay === 'number' && Number.isFinite(delay) && delay >= 0) {
          return Math.min(delay, LONGEST_DELAY_MS);
        }
        warnRetryDelay(`returned ${shown(delay)}, and not a finite number of milliseconds from 0 up`);
      } catch (thrown) {
        warnRetryDelay(`threw ${shown(thrown)}`);
      }
      return defaultDelayMs(attempts);
    },
  };
}
