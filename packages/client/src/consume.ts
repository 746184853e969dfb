import {
  addDuration,
  type Clock,
  type LeasedItem,
  LIMITS,
  milliseconds,
  parseDuration,
  type Random,
  // biome-ignore lint/style/noRestrictedImports: an outermost function of the package.
  SystemClock,
  // biome-ignore lint/style/noRestrictedImports: the same.
  SystemRandom,
} from '@querator/core';
import { guardCallbacks } from './callbacks.ts';
import type { Client } from './client.ts';
import { keepProcessAlive } from './keep-process-alive.ts';
import { clientPort } from './port/client-port.ts';
import { backOffMs } from './retry-policy.ts';
import type { HeldItem } from './worker/held-item.ts';
import { DEFAULT_MAX_HOLD, type Verdict, WorkLoop } from './worker/work-loop.ts';

/** Where an item comes from, and a signal to stop. */
export interface ItemContext {
  readonly queueName: string;
  readonly partition: number;
  /**
   * Aborted when the consumer should stop, or when the lease of the item has
   * ended. The handler may still finish the item.
   */
  readonly signal: AbortSignal;
}

/** Options of a consumer. */
export interface ConsumeOptions {
  readonly queueName: string;
  /** Unique among the consumers of the queue. Default: a random id. */
  readonly clientId?: string | undefined;
  /**
   * The most items per lease, 1 to 1,000; 10 by default. The consumer leases at
   * most as many as handlers are free, so that no lease runs down unused.
   */
  readonly batchSize?: number | undefined;
  /** Items that are handled at the same time, at most 1,000; 1 by default, which keeps their order. */
  readonly concurrency?: number | undefined;
  /** How long the server waits for items, as a duration; `1m` by default. */
  readonly leaseWait?: string | undefined;
  /** Handles one item. If it returns, the item is completed; if it throws, the item is retried. */
  readonly handler: (item: LeasedItem, context: ItemContext) => Promise<void> | void;
  /** Ends the loop. Running handlers end first, and their results are sent. */
  readonly signal: AbortSignal;
  /**
   * Receives every failure that the loop survives. The item is defined if its
   * handler threw, undefined if a call failed. Runs after the items were completed
   * whose handlers had ended before. Its own errors become process warnings, at
   * most one a minute.
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
 * Consumes a queue until the signal is aborted: leases items as handlers come
 * free, completes each item whose handler succeeded and retries each that failed.
 * Each item is handled at least once, and again if its lease ended too early.
 *
 * Resolves when the signal is aborted and the consumer has no leased items: the
 * running handlers have ended, and items without a handler were given back. While
 * the server is unreachable or busy, it waits and tries again.
 *
 * @throws QueueError or ClientError if a lease fails for a permanent reason, such
 *   as a queue that does not exist.
 */
export async function consume(client: Client, options: ConsumeOptions): Promise<void> {
  const { queueName, signal, handler, concurrency = 1 } = options;
  const clock = options.clock ?? new SystemClock();
  const random = options.random ?? new SystemRandom();
  const callbacks = guardCallbacks(options, {
    queueName,
    clock,
    defaultDelayMs: (attempts) => backOffMs(attempts, random, ITEM_BACK_OFF),
  });

  const handled = async (
    { id, attempts, partition, item }: HeldItem,
    ending: AbortSignal,
  ): Promise<Verdict> => {
    try {
      await handler(item, { queueName, partition, signal: ending });
      return { isDone: true };
    } catch (error) {
      const giveBack = () => {
        callbacks.onError(error, item);
        const retryAt = addDuration(clock.now(), milliseconds(callbacks.retryDelayMs(attempts)));
        return { id, retryAt, dead: false };
      };
      return { isDone: false, giveBack };
    }
  };
  const loop = new WorkLoop({
    ...{ port: clientPort(client, { clock, details: false }), clock, random, queueName, signal },
    clientId: options.clientId ?? `id-${random.base62(CLIENT_ID_LENGTH)}`,
    // `|| 1` also covers NaN, which would start no handler.
    concurrency: Math.min(Math.max(Math.floor(concurrency) || 1, 1), LIMITS.leaseBatch),
    batchSize: options.batchSize ?? DEFAULT_BATCH_SIZE,
    leaseWait: options.leaseWait ?? DEFAULT_LEASE_WAIT,
    leaseTimeout: undefined,
    maxHold: parseDuration(DEFAULT_MAX_HOLD),
    discoversFirst: false,
    handle: (held, ending) => {
      const verdict = handled(held, ending);
      return { verdict, ended: verdict };
    },
    onError: (error) => callbacks.onError(error),
  });
  const stop = () => loop.abortHandlers(signal.reason);
  signal.addEventListener('abort', stop);
  const release = keepProcessAlive();
  try {
    await loop.run();
  } finally {
    release();
    signal.removeEventListener('abort', stop);
  }
}
