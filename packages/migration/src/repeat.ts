import { backOffMs, ClientError, isTransient } from '@querator/client';
import { MESSAGES, QueueError, type Random } from '@querator/core';

/** What a program gives to long work on servers. */
export interface Work {
  readonly random: Random;
  /** Waits `delayMs` milliseconds, or until the signal is aborted. Never throws. */
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Ends the work between two calls, and aborts the one that runs. */
  readonly signal: AbortSignal;
}

/** How often a call is sent before its error counts. With the back-off, about three minutes. */
const MOST_ATTEMPTS = 12;

/**
 * Sends a call whose repetition is safe, again and again while the server is busy,
 * restarting or out of reach.
 *
 * @throws the error of the last attempt, or the reason of the signal.
 */
export async function repeat<T>({ random, sleep, signal }: Work, call: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (signal.aborted || failures >= MOST_ATTEMPTS || !mayPass(error)) throw error;
      const asked = error instanceof QueueError ? (error.retryAfterMs ?? 0) : 0;
      await sleep(Math.max(backOffMs(failures, random), asked), signal);
    }
  }
}

/** An empty queue is no failure. One that holds too many dedup keys or items stays so for longer than this waits. */
function mayPass(error: unknown): boolean {
  if (error instanceof ClientError) return isTransient(error);
  if (!(error instanceof QueueError) || error.message === MESSAGES.leaseTimedOut) return false;
  return isTransient(error) && error.reason !== 'over_limit';
}
