import {
  contentBytes,
  invalid,
  MESSAGES,
  type NewItem,
  type RetriedItem,
  SHORTEST_REQUEST_TIMEOUT,
  toMilliseconds,
} from '@querator/core';
import type { EngineLimits } from '../engine-options.ts';
import type { Leased } from '../loops/lease-requests.ts';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { LogicalQueue, LogicalQueueStats } from '../queue/logical-queue.ts';
import {
  checkIds,
  checkLease,
  checkProducedItems,
  checkRequestTimeout,
  parseRequestTimeout,
} from '../rules/request-rules.ts';
import type { Patience } from '../waiting/pending-request.ts';
import { orRetry } from './or-retry.ts';
import type { Arrival, ArrivalOptions, QueueArrivals } from './queue-arrivals.ts';

/** Where a caller says that it no longer waits. */
export interface CallOptions {
  /** Aborted when the caller is gone; what has not taken effect then never does. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the caller is gone, for callers to whom a signal costs more than
   * the call. Asked before the call is sent to storage, and before items are
   * handed out. `signal`, which has to be there as well, is then read only where
   * the caller has to wait: for items, or for storage that is down or slow.
   */
  readonly isGone?: (() => boolean) | undefined;
}

export interface ProduceCall {
  readonly queueName: string;
  /** How long the caller waits, in Go's syntax: `30s`. 10 ms to 15 m. */
  readonly requestTimeout: string;
  /** 1 to 1,000 items; they stay together and in order. */
  readonly items: readonly NewItem[];
}

export interface LeaseCall {
  readonly queueName: string;
  /** Chosen by the caller; unique among the requests that wait on the queue. */
  readonly clientId: string;
  /** At most so many items, 1 to 1,000. */
  readonly batchSize: number;
  /** How long the caller waits for items, in Go's syntax. 10 ms to 15 m. */
  readonly requestTimeout: string;
}

export interface CompleteCall {
  readonly queueName: string;
  /** The partition the items were leased from. */
  readonly partition: number;
  readonly requestTimeout: string;
  /** 1 to 1,000 ids, none twice. */
  readonly ids: readonly string[];
}

export interface RetryCall {
  readonly queueName: string;
  /** The partition the items were leased from. */
  readonly partition: number;
  /** 1 to 1,000 items, none twice. */
  readonly items: readonly RetriedItem[];
}

export interface ClearCall {
  readonly queueName: string;
  /** Remove waiting items. */
  readonly queue: boolean;
  /** Remove scheduled items. */
  readonly scheduled: boolean;
  /** With `queue`: remove leased items too. */
  readonly destructive: boolean;
}

/**
 * What producers and consumers call. Each method checks its request in the
 * order of api.md, section 1, and the first failure ends it.
 *
 * All methods throw QueueError: `failed` during shutdown and while the queue
 * is being deleted, `invalid` for a request that is wrong or names no queue.
 * They throw StorageError where storage fails while a queue is taken up, or
 * while it is read: nothing was changed then, and the same call may succeed
 * later.
 */
export class QueueService {
  readonly #manager: QueueManager;
  readonly #limits: EngineLimits;
  readonly #arrivals: QueueArrivals;

  constructor(manager: QueueManager, limits: EngineLimits, arrivals: QueueArrivals) {
    this.#manager = manager;
    this.#limits = limits;
    this.#arrivals = arrivals;
  }

  /** Adds items to a queue; when it returns they are stored. @throws QueueError also `retry`. */
  async produce(call: ProduceCall, options: CallOptions = {}): Promise<void> {
    const queue = this.#manager.atWork(call.queueName);
    if (queue === undefined) return this.#produceLater(call, options);
    const timeoutMs = this.#checkProduce(call, queue);
    await queue.produce(call.items, patienceOf(timeoutMs, options));
  }

  /** Waits for items and leases them, all of one partition. @throws QueueError also `retry` when none came in time. */
  async lease(call: LeaseCall, options: CallOptions = {}): Promise<Leased> {
    const queue = this.#manager.atWork(call.queueName);
    if (queue === undefined) return this.#leaseLater(call, options);
    const timeoutMs = this.#checkLease(call, queue);
    return queue.lease(call.clientId, call.batchSize, patienceOf(timeoutMs, options));
  }

  /** Removes leased items, all or none. @throws QueueError also `retry` when storage fails. */
  async complete(call: CompleteCall, options: CallOptions = {}): Promise<void> {
    const queue =
      this.#manager.atWork(call.queueName) ??
      (await this.#settling(call, options, { ids: call.ids, check: () => this.#checkComplete(call) }));
    this.#checkComplete(call, queue);
    await queue.complete(call.partition, call.ids);
  }

  /** Gives leased items back, all or none. @throws QueueError also `retry` when storage fails. */
  async retry(call: RetryCall, options: CallOptions = {}): Promise<void> {
    const queue =
      this.#manager.atWork(call.queueName) ??
      (await this.#settling(call, options, {
        ids: call.items.map(({ id }) => id),
        check: () => this.#checkRetry(call),
      }));
    this.#checkRetry(call, queue);
    await queue.retry(call.partition, call.items);
  }

  /** Removes items from all partitions. @throws QueueError also `retry` when storage fails. */
  async clear({ queueName, queue: waiting, scheduled, destructive }: ClearCall): Promise<void> {
    const queue = await this.#manager.get(queueName);
    queue.checkRunning();
    if (!waiting && !scheduled) {
      throw invalid("invalid clear request; one of 'queue', 'scheduled' must be true");
    }
    await orRetry(queue.clear({ waiting, leased: waiting && destructive, scheduled }));
  }

  /** Counts every partition anew, and tries those that are failing. */
  async reload(queueName: string): Promise<void> {
    const queue = await this.#manager.get(queueName);
    queue.checkRunning();
    await queue.reload();
  }

  /** What the queue holds and is doing. */
  async stats(queueName: string): Promise<LogicalQueueStats> {
    return this.#manager.reading(queueName, async (queue) => {
      queue.checkRunning();
      return queue.stats();
    });
  }

  async #produceLater(call: ProduceCall, options: CallOptions): Promise<void> {
    const { queue, leftMs } = await this.#arrival(call.queueName, options, {
      check: () => this.#checkProduce(call),
      bytes: call.items.reduce((sum, item) => sum + contentBytes(item), 0),
      timedOut: MESSAGES.produceTimedOut,
      persists: true,
    });
    this.#checkProduce(call, queue);
    await queue.produce(call.items, patienceOf(leftMs, options));
  }

  async #leaseLater(call: LeaseCall, options: CallOptions): Promise<Leased> {
    const { queue, leftMs } = await this.#arrival(call.queueName, options, {
      check: () => this.#checkLease(call),
      bytes: call.clientId.length,
      timedOut: MESSAGES.leaseTimedOut,
      persists: true,
    });
    this.#checkLease(call, queue);
    return queue.lease(call.clientId, call.batchSize, patienceOf(leftMs, options));
  }

  /** The queue of a complete or retry, which does not wait for storage that fails: its items are leased for a time. */
  async #settling(
    { queueName }: CompleteCall | RetryCall,
    options: CallOptions,
    { ids, check }: { readonly ids: readonly string[]; readonly check: () => number },
  ): Promise<LogicalQueue> {
    const arrival = await this.#arrival(queueName, options, {
      check: () => Math.max(check(), SHORTEST_SETTLING_MS),
      bytes: ids.reduce((sum, { length }) => sum + length, 0),
      timedOut: MESSAGES.storageFailed,
      persists: false,
    });
    return arrival.queue;
  }

  #arrival(name: string, options: CallOptions, arrival: ArrivalOptions): Promise<Arrival> {
    return this.#arrivals.of(name, arrival, (timeoutMs) => patienceOf(timeoutMs, options));
  }

  /*
   * The checks of a request, in the order of api.md. Without a queue they are
   * those that do not need it.
   * Each returns how long the caller waits, in milliseconds, and throws a
   * QueueError for the first thing that is wrong.
   */

  #checkProduce(call: ProduceCall, queue?: LogicalQueue): number {
    const timeout = parseRequestTimeout(call.requestTimeout);
    queue?.checkRunning();
    checkRequestTimeout(timeout, SHORTEST_REQUEST_TIMEOUT);
    checkProducedItems(call.items, this.#limits.produceBatch);
    return toMilliseconds(timeout);
  }

  #checkLease(call: LeaseCall, queue?: LogicalQueue): number {
    const timeout = parseRequestTimeout(call.requestTimeout);
    queue?.checkRunning();
    checkLease(call.clientId, call.batchSize, this.#limits.leaseBatch);
    checkRequestTimeout(timeout, SHORTEST_REQUEST_TIMEOUT);
    return toMilliseconds(timeout);
  }

  #checkComplete(call: CompleteCall, queue?: LogicalQueue): number {
    queue?.checkPartition(call.partition);
    const timeout = parseRequestTimeout(call.requestTimeout);
    queue?.checkRunning();
    checkIds(call.ids, this.#limits.completeBatch, { field: 'ids', list: 'list of ids' });
    checkRequestTimeout(timeout);
    return toMilliseconds(timeout);
  }

  #checkRetry(call: RetryCall, queue?: LogicalQueue): number {
    queue?.checkPartition(call.partition);
    queue?.checkRunning();
    const ids = call.items.map(({ id }) => id);
    checkIds(ids, this.#limits.completeBatch, { field: 'items', list: 'list of items' });
    return RETRY_TIMEOUT_MS;
  }
}

/**
 * A complete may have a request timeout of 1 ms, or a negative one, since it
 * does not wait (api.md, section 0.5). Taking a queue up takes longer than that.
 */
const SHORTEST_SETTLING_MS = 1_000;

/** A retry request has no timeout of its own (api.md, section 0.5). */
const RETRY_TIMEOUT_MS = 300_000;

function patienceOf(timeoutMs: number, options: CallOptions): Patience {
  const { isGone } = options;
  if (isGone === undefined) return { timeoutMs, signal: options.signal };
  return { timeoutMs, signal: undefined, cheaply: { isGone, signal: () => options.signal } };
}
