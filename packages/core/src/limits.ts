import { type Duration, milliseconds } from './time/duration.ts';

/**
 * Every upper bound of the queue itself, in one place. Those a client meets
 * are the documented ones (api.md, section 0.5); sizes of texts are in bytes
 * of UTF-8.
 */
export const LIMITS = {
  /** Items in one produce request. */
  produceBatch: 1_000,
  /** Items one lease request may ask for. */
  leaseBatch: 1_000,
  /** Ids in one complete, items in one retry request. */
  completeBatch: 1_000,
  /** The documented bound on requests that wait for a queue; the engine bounds items and bytes instead. */
  requestsBuffered: 100,
  queueName: 512,
  deadQueueName: 500,
  queueReference: 2_000,
  namespaceName: 256,
  /** Length of a queue's timeouts as given, before they are parsed. */
  timeoutText: 15,
  maxAttempts: 65_536,
  /** Far beyond sense, and small enough that a slip of the hand does not create a million tables. */
  partitions: 1_024,
  /** Elements in one page of a list. */
  listPage: 65_536,
  /** Elements of a page whose request names no limit. */
  listPageDefault: 1_000,
} as const;

/** A request may wait no shorter than this for its answer. */
export const SHORTEST_REQUEST_TIMEOUT: Duration = milliseconds(10);
/** A request may wait no longer than this for its answer. */
export const LONGEST_REQUEST_TIMEOUT: Duration = milliseconds(15 * 60_000);
/** A schedule nearer than this is treated as "now" (semantics.md, section 8). */
export const SCHEDULE_THRESHOLD: Duration = milliseconds(100);

/** Attempts are counted no further; the greatest number that crosses the wire. */
export const ATTEMPTS_MAX = 2 ** 31 - 1;
