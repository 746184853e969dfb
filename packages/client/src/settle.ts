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

/** How long the server is given to complete a batch. */
const COMPLETE_TIMEOUT = '30s';

/** After so many failures of the same call the items are left to the end of their lease. */
const MOST_ATTEMPTS = 6;

/** What a batch is settled with. */
export interface SettleDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  /** Neither of the two throws: see `guardCallbacks`. */
  readonly onError: (error: unknown, item?: LeasedItem) => void;
  readonly retryDelayMs: (attempts: number) => number;
}

/** An item whose handler threw. */
export interface FailedItem {
  readonly id: ItemId;
  readonly attempts: number;
  /** As the handler left it, for `onError`. */
  readonly item: LeasedItem;
  readonly error: unknown;
}

/** What became of the items of a batch. */
export interface HandledItems {
  readonly succeeded: readonly ItemId[];
  readonly failed: readonly FailedItem[];
}

/** A batch whose items have all been worked on. */
export interface HandledBatch extends HandledItems {
  readonly queueName: string;
  readonly partition: number;
}

/**
 * Completes the items that succeeded, then reports those that failed and gives
 * them back: the user's callbacks run when the finished work is safe, even if
 * one of them ends the process. What the server does not take is reported and
 * left: its lease ends by itself, and the item is offered again. Never throws.
 */
export async function settle(deps: SettleDeps, batch: HandledBatch): Promise<void> {
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
 * The server takes a request as a whole or not at all, so one lease that has
 * ended would hold back all the others: then each goes by itself.
 */
async function allOrEach<T>(
  deps: SettleDeps,
  all: readonly T[],
  send: (some: T[]) => Promise<unknown>,
): Promise<void> {
  if (all.length === 0) return;
  try {
    await persist(deps, () => send([...all]));
  } catch (error) {
    if (all.length === 1 || !(error instanceof QueueError) || error.code !== 'invalid') {
      deps.onError(error);
      return;
    }
    for (const one of all) await allOrEach(deps, [one], send);
  }
}

/** Tries again while that may help, also when the consumer is to stop: the work is done and should count. */
async function persist({ clock, random, onError }: SettleDeps, send: () => Promise<unknown>): Promise<void> {
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
