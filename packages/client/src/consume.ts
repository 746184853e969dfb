import {
  type Clock,
  type LeasedItem,
  MESSAGES,
  QueueError,
  type Random,
  // biome-ignore lint/style/noRestrictedImports: an outermost function of the package.
  SystemClock,
  // biome-ignore lint/style/noRestrictedImports: the same.
  SystemRandom,
} from '@querator/core';
import { queueEndpoints, toLeasedItem } from '@querator/protocol';
import { guardCallbacks } from './callbacks.ts';
import type { Client } from './client.ts';
import { BrokenReplyError } from './errors/broken-reply-error.ts';
import { holdProcess } from './hold-process.ts';
import { backOffMs, isTransient } from './retry-policy.ts';
import { type FailedItem, type HandledItems, settle } from './settle.ts';
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
   * Receives every failure that the loop survives. The item is there when its
   * handler threw, and absent when a call failed. It is called after the other
   * items of the batch were completed. What it throws becomes a warning of the
   * process, at most one a minute.
   */
  readonly onError?: ((error: unknown, item?: LeasedItem) => void) | undefined;
  /**
   * How long a failed item is kept back, in milliseconds, by the times it has
   * been leased; by default longer each time, up to 5 minutes. Above a year it
   * counts as a year. When it throws, or returns anything but a finite number
   * from 0 up, the default applies, with a warning as for `onError`.
   */
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
  const { queueName, signal } = options;
  const { onError, retryDelayMs } = guardCallbacks(options, {
    queueName,
    clock,
    defaultDelayMs: (attempts) => backOffMs(attempts, random, ITEM_BACK_OFF),
  });
  const settleDeps = { client, clock, random, onError, retryDelayMs };

  const release = holdProcess();
  let failures = 0;
  try {
    while (!signal.aborted) {
      try {
        const { partition, items } = await lease(client, clientId, options);
        // No Querator server sends one. Asking again at once would keep this process busy with nothing.
        if (items.length === 0)
          throw new BrokenReplyError(queueEndpoints.lease.path, 'a lease without items');
        failures = 0;
        const handled = await handleAll(items, partition, options);
        await settle(settleDeps, { queueName, partition, ...handled });
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

/** Works on all items, up to `concurrency` at a time, and starts them in order. Never throws. */
async function handleAll(
  items: readonly LeasedItem[],
  partition: number,
  { queueName, handler, signal, concurrency = 1 }: ConsumeOptions,
): Promise<HandledItems> {
  const succeeded: string[] = [];
  const failed: FailedItem[] = [];
  const waiting = items.values();
  const work = async () => {
    for (const item of waiting) {
      // Read before the handler has the item: what it does to the object must not change what is completed.
      const { id, attempts } = item;
      try {
        await handler(item, { queueName, partition, signal });
        succeeded.push(id);
      } catch (error) {
        failed.push({ id, attempts, item, error });
      }
    }
  };
  // `|| 1`: also for what is no number, which would start no worker at all.
  const workers = Math.min(Math.max(Math.floor(concurrency) || 1, 1), items.length);
  await Promise.all(Array.from({ length: workers }, work));
  return { succeeded, failed };
}

/** The server's way to say that no item came in time. */
function isQueueEmpty(error: unknown): boolean {
  return error instanceof QueueError && error.message === MESSAGES.leaseTimedOut;
}
