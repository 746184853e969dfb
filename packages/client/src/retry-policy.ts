import { MESSAGES, QueueError, type Random } from '@querator/core';
import { ClientError } from './errors/client-error.ts';
import { InfrastructureError } from './errors/infrastructure-error.ts';

/** How the back-off grows from one attempt to the next, in milliseconds. */
export interface BackOff {
  /** The longest wait after the first failure. */
  readonly firstMs: number;
  /** The longest wait of all. */
  readonly mostMs: number;
}

/** The back-off for a server that is busy or restarting. */
export const DEFAULT_BACK_OFF: BackOff = { firstMs: 250, mostMs: 30_000 };

/** The longest delay of a failed item, a year. Much later times do not fit into a timestamp. */
export const LONGEST_DELAY_MS = 365 * 24 * 3_600_000;

/** Doubling stops here, to avoid infinity. */
const MOST_DOUBLINGS = 32;

/**
 * How long to wait before the next attempt: a random time between half and all
 * of a span that doubles with each failure. The jitter spreads clients that
 * failed together.
 *
 * @param failures the number of consecutive failures, at least 1.
 */
export function backOffMs(failures: number, random: Random, backOff: BackOff = DEFAULT_BACK_OFF): number {
  const doublings = Math.min(Math.max(failures - 1, 0), MOST_DOUBLINGS);
  const span = Math.min(backOff.firstMs * 2 ** doublings, backOff.mostMs);
  return span * (0.5 + random.fraction() / 2);
}

/**
 * How long to wait after this error, in milliseconds: the back-off, or longer if
 * the server asked for it.
 */
export function pauseMsAfter(error: unknown, failures: number, random: Random, backOff?: BackOff): number {
  const asked = error instanceof QueueError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(backOffMs(failures, random, backOff), asked);
}

/**
 * Whether the same call may succeed later without a repair. It says nothing
 * about whether a repetition is safe: see {@link isUnstored}.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof InfrastructureError) return error.status === 429 || error.status >= 500;
  if (error instanceof ClientError) return true;
  if (!(error instanceof QueueError)) return false;
  // A server that shuts down is usually replaced. A client id stays in use until the server notices that
  // the connection of the previous call is closed.
  return error.retryable || error.code === 'failed' || error.message === MESSAGES.duplicateClientId;
}

const NOTHING_STORED: ReadonlySet<string> = new Set([
  MESSAGES.produceTimedOut,
  MESSAGES.overloaded,
  MESSAGES.queuePaused,
]);

/** Whether a produce call that failed with this error certainly stored nothing and may be repeated. */
export function isUnstored(error: unknown): boolean {
  return error instanceof QueueError && error.code === 'retry' && NOTHING_STORED.has(error.message);
}
