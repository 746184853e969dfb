import { MESSAGES, QueueError, type Random } from '@querator/core';
import { ClientError } from './errors/client-error.ts';
import { InfrastructureError } from './errors/infrastructure-error.ts';

/** How waits grow from one attempt to the next, in milliseconds. */
export interface BackOff {
  /** The longest wait after the first failure. */
  readonly firstMs: number;
  /** No wait is longer. */
  readonly mostMs: number;
}

/** For a server that is busy or restarting. */
export const DEFAULT_BACK_OFF: BackOff = { firstMs: 250, mostMs: 30_000 };

/** Doubling beyond this adds nothing but the risk of infinity. */
const MOST_DOUBLINGS = 32;

/**
 * How long to wait before trying again: between half and all of a span that
 * doubles with each failure, by chance, so that those who failed together do
 * not come back together.
 *
 * @param failures how often it has failed in a row, 1 or more.
 */
export function backOffMs(failures: number, random: Random, backOff: BackOff = DEFAULT_BACK_OFF): number {
  const doublings = Math.min(Math.max(failures - 1, 0), MOST_DOUBLINGS);
  const span = Math.min(backOff.firstMs * 2 ** doublings, backOff.mostMs);
  return span * (0.5 + random.fraction() / 2);
}

/**
 * Whether the same call may succeed later, without anybody mending anything.
 * That it is safe to repeat is another matter: see {@link isUnstored}.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof InfrastructureError) return error.status === 429 || error.status >= 500;
  if (error instanceof ClientError) return true;
  if (!(error instanceof QueueError)) return false;
  // A server that shuts down is usually replaced. A client id is taken as long as the server has not
  // noticed that the connection of the call before is gone.
  return error.retryable || error.code === 'failed' || error.message === MESSAGES.duplicateClientId;
}

const NOTHING_STORED: ReadonlySet<string> = new Set([MESSAGES.produceTimedOut, MESSAGES.overloaded]);

/** Whether it is certain that a produce call that failed with this stored nothing, and may be repeated later. */
export function isUnstored(error: unknown): boolean {
  return error instanceof QueueError && error.code === 'retry' && NOTHING_STORED.has(error.message);
}
