import { type Duration, errorText, invalid, toMilliseconds } from '@querator/core';
import { parseLeaseTimeout, parseTimeout } from './queue-setting-rules.ts';

/** What a lease request may ask for besides items. Texts are durations in Go's syntax. */
export interface LeaseOptions {
  /** How long the lease lasts. Undefined or empty: as long as the queue's leases. */
  readonly leaseTimeout?: string | undefined;
  /** Wait until a partition is believed to hold as many items. Undefined, 0 or 1: one is enough. */
  readonly minItems?: number | undefined;
  /** Take what there is when something has been there for so long. Undefined or empty: 1 s. */
  readonly maxWait?: string | undefined;
}

/** What a consumer waits for that likes batches. */
export interface GatherWish {
  /** It waits until a partition is believed to hold as many items. */
  readonly minItems: number;
  /** Then it takes what there is: this long after something was there, in milliseconds. */
  readonly maxWaitMs: number;
}

const DEFAULT_MAX_WAIT_MS = 1_000;
/** A request that gathers items ends its wait before its timeout, so that it gets the items. */
const LATEST_PART_OF_TIMEOUT = 0.9;

/** @throws QueueError `invalid`. */
export function leaseTimeoutOf({ leaseTimeout = '' }: LeaseOptions): Duration | undefined {
  return leaseTimeout === '' ? undefined : parseLeaseTimeout(leaseTimeout);
}

/**
 * @param batchSize the most items of the request.
 * @param timeoutMs how long it waits, in milliseconds.
 * @throws QueueError `invalid`.
 */
export function gatherWishOf(
  { minItems = 0, maxWait = '' }: LeaseOptions,
  batchSize: number,
  timeoutMs: number,
): GatherWish | undefined {
  if (minItems < 0 || minItems > batchSize) {
    throw invalid(
      errorText`min_items is invalid; expected 0 to the batch size ${batchSize}, but ${minItems} was requested`,
    );
  }
  if (maxWait !== '' && minItems <= 1) {
    throw invalid('max_wait is invalid; min_items must be greater than 1');
  }
  const wanted = maxWait === '' ? undefined : parseTimeout('max_wait', maxWait, '100ms, 1s or 1m');
  if (wanted !== undefined && wanted <= 0n) throw invalid('max_wait is invalid; must be greater than 0');
  if (minItems <= 1) return undefined;
  const maxWaitMs = wanted === undefined ? DEFAULT_MAX_WAIT_MS : toMilliseconds(wanted);
  return { minItems, maxWaitMs: Math.min(maxWaitMs, timeoutMs * LATEST_PART_OF_TIMEOUT) };
}
