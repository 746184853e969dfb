import {
  type Clock,
  type LeasedItem,
  MESSAGES,
  QueueError,
  type Random,
  SystemClock,
  SystemRandom,
} from '@querator/core';
import { toLeasedItem } from '@querator/protocol';
import type { Client } from './client.ts';
import { holdProcess } from './hold-process.ts';
import { backOffMs, isTransient } from './retry-policy.ts';
import { settle } from './settle.ts';
import { sleep } from './sleep.ts';

/** Where an item comes from, and when to hurry. */
export interface ItemContext {
  readonly queueName: string;
  readonly partition: number;
  /** Aborted when the consumer is to stop; the item may still be finished. */
  readonly signal: AbortSignal;
}

/** How a queue is consumed. */
export interface ConsumeOptions {
  readonly queueName: string;
  /** Unique among the consumers of the queue; by default one by chance. */
  readonly clientId?: string | undefined;
  /**
   * Items leased at a time, 1 to 1,000; by default 10. All of them are to be
   * done within the queue's lease timeout: then others get what is left.
   */
  readonly batchSize?: number | undefined;
  /** Items of a batch that are worked on at the same time; by default 1, which keeps their order. */
  readonly concurrency?: number | undefined;
  /** How long the server is to wait for items, as a duration; by default `1m`. */
  readonly leaseWait?: string | undefined;
  /** Works on one item. When it returns the item is completed, when it throws the item is given back. */
  readonly handler: (item: LeasedItem, context: ItemContext) => Promise<void> | void;
  /** Ends the loop, after what it holds has been worked on and completed. */
  readonly signal: AbortSignal;
  /**
   * Told of every failure the loop survives. The item is there where its
   * handler threw; nothing is when a call failed.
   */
  readonly onError?: ((error: unknown, item?: LeasedItem) => void) | undefined;
  /** How long a failed item is kept back, in milliseconds, by the times it has been leased; by default longer each time. */
  readonly retryDelayMs?: ((attempts: number) => number) | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

const DEFAULT_BATCH_SIZE = 10;
const DEFAULT_LEASE_WAIT = '1m';
const CLIENT_ID_LENGTH = 10;
const ITEM_BACK_OFF = { firstMs: 1_000, mostMs: 300_000 };

/**
 * Consumes a queue until the signal is aborted: leases items, works on them,
 * completes those that succeeded and gives back those that failed. An item is
 * worked on at least once, and again when its lease ended too early.
 *
 * Resolves when the signal is aborted and nothing is held any more. While the
 * server cannot be reached, or is busy, it waits and tries again.
 *
 * @throws QueueError or ClientError when leasing fails for a reason that
 *   waiting does not mend, such as a queue that does not exist.
 */
export async function consume(client: Client, options: ConsumeOptions): Promise<void> {
  const clock = options.clock ?? new SystemClock();
  const random = options.random ?? new SystemRandom();
  const clientId = options.clientId ?? `id-${random.base62(CLIENT_ID_LENGTH)}`;
  const { signal, onError = () => {} } = options;
  const retryDelayMs = options.retryDelayMs ?? ((attempts) => backOffMs(attempts, random, ITEM_BACK_OFF));

  const release = holdProcess();
  let failures = 0;
  try {
    while (!signal.aborted) {
      try {
        const batch = await lease(client, clientId, options);
        failures = 0;
        const results = await handleAll(batch.items, batch.partition, options);
        for (const { error, item } of results.failed) onError(error, item);
        await settle(
          { client, clock, random, onError, retryDelayMs },
          { queueName: options.queueName, partition: batch.partition, ...results },
        );
      } catch (error) {
        if (signal.aborted) return;
        if (isQueueEmpty(error)) continue;
        if (!isTransient(error)) throw error;
        onError(error);
        failures += 1;
        await sleep(clock, backOffMs(failures, random), signal);
      }
    }
  } finally {
    release();
  }
}

async function lease(client: Client, clientId: string, options: ConsumeOptions) {
  const request = {
    queueName: options.queueName,
    clientId,
    batchSize: options.batchSize ?? DEFAULT_BATCH_SIZE,
    requestTimeout: options.leaseWait ?? DEFAULT_LEASE_WAIT,
  };
  const { partition, items } = await client.queue.lease(request, { signal: options.signal });
  return { partition, items: items.map(toLeasedItem) };
}

/** What became of the items of a batch. */
interface Handled {
  readonly succeeded: LeasedItem[];
  readonly failed: { readonly item: LeasedItem; readonly error: unknown }[];
}

/** Works on all items, so many at a time, and starts them in order. Never throws. */
async function handleAll(
  items: readonly LeasedItem[],
  partition: number,
  { queueName, handler, signal, concurrency = 1 }: ConsumeOptions,
): Promise<Handled> {
  const handled: Handled = { succeeded: [], failed: [] };
  const waiting = items.values();
  const work = async () => {
    for (const item of waiting) {
      try {
        await handler(item, { queueName, partition, signal });
        handled.succeeded.push(item);
      } catch (error) {
        handled.failed.push({ item, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, work));
  return handled;
}

/** The server's way to say that no item came in time. */
function isQueueEmpty(error: unknown): boolean {
  return error instanceof QueueError && error.message === MESSAGES.leaseTimedOut;
}
