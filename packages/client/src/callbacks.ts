import process from 'node:process';
import { inspect } from 'node:util';
import { type Clock, type Instant, type LeasedItem, millisecondsBetween } from '@querator/core';

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

/** The longest delay, a year. Much later times do not fit into a timestamp. */
const LONGEST_DELAY_MS = 365 * 24 * 3_600_000;
/** At most one warning per callback in this time, so that a failing callback does not flood the log. */
const WARNING_PAUSE_MS = 60_000;
const WARNING_CODE = 'QUERATOR_CONSUMER_CALLBACK';

/**
 * Wraps a consumer's callbacks so that their failures cannot end the loop or
 * lose the work of a batch. A failure becomes a process warning
 * (`process.on('warning')`, on standard error by default).
 */
export function guardCallbacks(callbacks: Callbacks, deps: GuardDeps): GuardedCallbacks {
  const { defaultDelayMs } = deps;
  const warnOnError = warner('onError', deps);
  const warnRetryDelay = warner('retryDelayMs', deps);
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

/** Handles the promise of a callback that is async against its type: its rejection would be unhandled. */
function catchRejection(returned: unknown, failed: (reason: unknown) => void): void {
  if (typeof returned === 'object' && returned !== null && 'then' in returned) {
    Promise.resolve(returned).catch(failed);
  }
}

/** Makes the function that reports one callback's failures, at most once per {@link WARNING_PAUSE_MS}. */
function warner(callback: string, { queueName, clock }: GuardDeps): (failure: string) => void {
  let warnedAt: Instant | undefined;
  let untold = 0;
  return (failure) => {
    const now = clock.now();
    if (warnedAt !== undefined && millisecondsBetween(warnedAt, now) < WARNING_PAUSE_MS) {
      untold += 1;
      return;
    }
    const before = untold === 0 ? '' : ` (and ${untold} times since the last warning)`;
    warnedAt = now;
    untold = 0;
    process.emitWarning(`${callback} of the consumer of queue '${queueName}'${before} ${failure}`, {
      type: 'QueratorWarning',
      code: WARNING_CODE,
    });
  };
}

/** A thrown value as text. */
function shown(value: unknown): string {
  try {
    return inspect(value);
  } catch {
    return 'something that cannot be shown';
  }
}
