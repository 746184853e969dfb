import {
  addDuration,
  type Clock,
  type ItemId,
  type LeasedItem,
  milliseconds,
  QueueError,
  type Random,
} from '@querator/core';
import { fromRetriedItem, type QueueRetryItem } from '@querator/protocol';
import type { Client } from './client.ts';
import { backOffMs, isTransient } from './retry-policy.ts';
import { sleep } from './sleep.ts';

/** The request timeout of the complete call of a batch. */
const COMPLETE_TIMEOUT = '30s';

/** After this many failures of one call, the items wait for the end of their lease. */
const MOST_ATTEMPTS = 6;

/** Dependencies for the end of a batch. */
export interface BatchDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  /** Guarded callbacks, which never throw: see `guardCallbacks`. */
  readonly onError: (error: unknown, item?: LeasedItem) => void;
  readonly retryDelayMs: (attempts: number) => number;
}

/** An item whose handler threw. */
export interface FailedItem {
  readonly id: ItemId;
  readonly attempts: number;
  /** The item after its handler ran, for `onError`. */
  readonly item: LeasedItem;
  readonly error: unknown;
}

/** The results of the items of a batch. */
export interface HandledItems {
  readonly succeeded: readonly ItemId[];
  readonly failed: readonly FailedItem[];
}

/** A batch whose items have all been handled. */
export interface HandledBatch extends HandledItems {
  readonly queueName: string;
  readonly partition: number;
}

/**
 * Completes the items that succeeded, then reports those that failed and gives
 * them back. The user's callbacks run last, so that the finished work is safe
 * even if one of them ends the process. Items that the server refuses are
 * reported; their lease ends, and they are leased again. Never throws.
 */
export async function completeAndRetry(deps: BatchDeps, batch: HandledBatch): Promise<void> {
  const { client, clock, onError, retryDelayMs } = deps;
  const { queueName, partition, succeeded, failed } = batch;
  await allOrEach(deps, succeeded, (ids) =>
    client.queue.complete({ queueName, partition, requestTimeout: COMPLETE_TIMEOUT, ids }),
  );
  for (const { error, item } of failed) onError(error, item);
  const items = failed.map(({ id, attempts }): QueueRetryItem => {
    const retryAt = addDuration(clock.now(), milliseconds(retryDelayMs(attempts)));
    return fromRetriedItem({ id, retryAt, dead: false });
  });
  await allOrEach(deps, items, (some) => client.queue.retry({ queueName, partition, items: some }));
}

/**
 * Sends each item in a request of its own after the server refused the batch: it
 * refuses a request as a whole even if only one lease has ended.
 */
async function allOrEach<T>(
  deps: BatchDeps,
  all: readonly T[],
  send: (some: T[]) => Promise<unknown>,
): Promise<void> {
  if (all.length === 0) return;
  try {
    await withRetries(deps, () => send([...all]));
  } catch (error) {
    if (all.length === 1 || !(error instanceof QueueError) || error.code !== 'invalid') {
      deps.onError(error);
      return;
    }
    for (const one of all) await allOrEach(deps, [one], send);
  }
}

/** Retries while that may help, even if the consumer should stop: the work is done and should count. */
async function withRetries(
  { clock, random, onError }: BatchDeps,
  send: () => Promise<unknown>,
): Promise<void> {
  const never = new AbortController().signal;
  for (let failures = 1; ; failures++) {
    try {
      await send();
      return;
    } catch (error) {
      if (!isTransient(error) || failures >= MOST_ATTEMPTS) throw error;
      onError(error);
      await sleep(clock, backOffMs(failures, random), never);
    }
  }
}
