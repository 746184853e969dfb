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
import { completeAndRetry, type FailedItem, type HandledItems } from './complete-and-retry.ts';
import { BrokenReplyError } from './errors/broken-reply-error.ts';
import { keepProcessAlive } from './keep-process-alive.ts';
import { backOffMs, isTransient } from './retry-policy.ts';
import { sleep } from './sleep.ts';

/** Where an item comes from, and a signal to stop. */
export interface ItemContext {
  readonly queueName: string;
  readonly partition: number;
  /** Aborted when the consumer should stop. The handler may still finish the item. */
  readonly signal: AbortSignal;
}

/** Options of a consumer. */
export interface ConsumeOptions {
  readonly queueName: string;
  /** Unique among the consumers of the queue. Default: a random id. */
  readonly clientId?: string | undefined;
  /**
   * Items per lease, 1 to 1,000; 10 by default. The consumer must finish all of
   * them within the queue's lease timeout: after it, other consumers get the rest.
   */
  readonly batchSize?: number | undefined;
  /** Items of a batch that are handled at the same time; 1 by default, which keeps their order. */
  readonly concurrency?: number | undefined;
  /** How long the server waits for items, as a duration; `1m` by default. */
  readonly leaseWait?: string | undefined;
  /** Handles one item. If it returns, the item is completed; if it throws, the item is retried. */
  readonly handler: (item: LeasedItem, context: ItemContext) => Promise<void> | void;
  /** Ends the loop once the current batch is handled and completed. */
  readonly signal: AbortSignal;
  /**
   * Receives every failure that the loop survives. The item is defined if its
   * handler threw, undefined if a call failed. Runs after the other items of the
   * batch were completed. Its own errors become process warnings, at most one a
   * minute.
   */
  readonly onError?: ((error: unknown, item?: LeasedItem) => void) | undefined;
  /**
   * The delay before a failed item is available again, in milliseconds, by its
   * number of attempts. Default: longer each time, up to 5 minutes. A delay above
   * a year counts as a year. The default also applies if the function throws, or
   * does not return a finite number from 0 up. Then there is a warning, as for
   * `onError`.
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
 * Consumes a queue until the signal is aborted: leases items, handles them,
 * completes those that succeeded and retries those that failed. Each item is
 * handled at least once, and again if its lease ended too early.
 *
 * Resolves when the signal is aborted and the consumer has no leased items. While
 * the server is unreachable or busy, it waits and tries again.
 *
 * @throws QueueError or ClientError if a lease fails for a permanent reason, such
 *   as a queue that does not exist.
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
  const batchDeps = { client, clock, random, onError, retryDelayMs };

  const release = keepProcessAlive();
  let failures = 0;
  try {
    while (!signal.aborted) {
      try {
        const { partition, items } = await lease(client, clientId, options);
        // No Querator server sends an empty reply. Leasing again at once would loop without a pause.
        if (items.length === 0)
          throw new BrokenReplyError(queueEndpoints.lease.path, 'a lease without items');
        failures = 0;
        const handled = await handleAll(items, partition, options);
        await completeAndRetry(batchDeps, { queueName, partition, ...handled });
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

/** Handles all items, up to `concurrency` at a time, and starts them in order. Never throws. */
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
      // Reads the id before the handler gets the item: a handler may change the object.
      const { id, attempts } = item;
      try {
        await handler(item, { queueName, partition, signal });
        succeeded.push(id);
      } catch (error) {
        failed.push({ id, attempts, item, error });
      }
    }
  };
  // `|| 1` also covers NaN, which would start no worker.
  const workers = Math.min(Math.max(Math.floor(concurrency) || 1, 1), items.length);
  await Promise.all(Array.from({ length: workers }, work));
  return { succeeded, failed };
}

/** The server's reply if no item arrived in time. */
function isQueueEmpty(error: unknown): boolean {
  return error instanceof QueueError && error.message === MESSAGES.leaseTimedOut;
}
