import {
  invalid,
  MESSAGES,
  type Metadata,
  type NewItem,
  newItemBytes,
  SHORTEST_REQUEST_TIMEOUT,
  toMilliseconds,
} from '@querator/core';
import type { EngineLimits } from '../engine-deps.ts';
import type { Leased, LeaseWishes } from '../loops/lease-requests.ts';
import type { Produced } from '../loops/produce-loop.ts';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { LogicalQueue, LogicalQueueStats } from '../queue/logical-queue.ts';
import { gatherWishOf, type LeaseOptions, leaseTimeoutOf } from '../rules/lease-options.ts';
import { checkLeaseTimeout } from '../rules/queue-setting-rules.ts';
import { checkLease, checkProducedItems } from '../rules/request-rules.ts';
import { checkRequestTimeout, RequestTimeouts } from '../rules/request-timeouts.ts';
import { type CallOptions, waitOptions } from './call-options.ts';
import type {
  CompleteCall,
  LeasedItemsDeps,
  LeasedItemsRequests,
  RetryCall,
} from './leased-items-requests.ts';
import type { MetadataCheck } from './metadata-check.ts';
import { orRetry } from './or-retry.ts';
import type { FoundQueue, LookupOptions, QueueLookup } from './queue-lookup.ts';

export interface ProduceCall {
  readonly queueName: string;
  /** How long the caller waits, in Go's syntax: `30s`. 10 ms to 15 m. */
  readonly requestTimeout: string;
  /** 1 to 1,000 items; they stay together and in order. */
  readonly items: readonly NewItem[];
  /** The number of items that the caller sent, if `items` are only the first of them. */
  readonly received?: number | undefined;
  /**
   * Pairs of a trace that go with each item whose metadata has no `traceparent`, where the queue is
   * known to keep metadata and there is room for them.
   */
  readonly tracePairs?: Metadata | undefined;
}

export interface LeaseCall extends LeaseOptions {
  readonly queueName: string;
  /** Chosen by the caller; unique among the pending requests of the queue. */
  readonly clientId: string;
  /** The most items to lease, 1 to 1,000. */
  readonly batchSize: number;
  /** How long the caller waits for items, in Go's syntax. 10 ms to 15 m. */
  readonly requestTimeout: string;
  /** Whether the leased items must have their details. */
  readonly details?: boolean | undefined;
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
 * documented order, and throws at the first error.
 *
 * All methods throw QueueError: `failed` during shutdown and while the queue is
 * being deleted, `invalid` for an invalid request or an unknown queue. They throw
 * StorageError when storage fails while a queue is activated or read. Then
 * nothing was changed, and the same call may succeed later.
 */
export class QueueService {
  readonly #manager: QueueManager;
  readonly #limits: EngineLimits;
  readonly #lookup: QueueLookup;
  readonly #metadata: MetadataCheck;
  readonly #requests: LeasedItemsRequests;
  readonly #timeouts = new RequestTimeouts();

  /** @param requests those on leased items. */
  constructor({ manager, limits, lookup, metadata }: LeasedItemsDeps, requests: LeasedItemsRequests) {
    this.#manager = manager;
    this.#limits = limits;
    this.#lookup = lookup;
    this.#metadata = metadata;
    this.#requests = requests;
  }

  /** Adds items to a queue. They are stored when it returns. @throws QueueError also `retry`. */
  async produce(call: ProduceCall, options: CallOptions = {}): Promise<void> {
    const queue = this.#manager.ready(call.queueName);
    if (queue === undefined) return this.#produceLater(call, options);
    const timeoutMs = this.#checkProduce(call, queue);
    const items = this.#metadata.withTrace(call, queue);
    const left = this.#metadata.leftToProduce(items, queue, timeoutMs);
    const leftMs = typeof left === 'number' ? left : await left;
    await queue.produce(items, waitOptions(leftMs, options));
  }

  /** The same, and tells the ids of the items. @throws QueueError also `retry`. */
  async produceWithIds(call: ProduceCall, options: CallOptions = {}): Promise<Produced> {
    const queue = this.#manager.ready(call.queueName);
    const found =
      queue === undefined
        ? await this.#findToProduce(call, options)
        : { queue, leftMs: this.#checkProduce(call, queue) };
    const items = this.#metadata.withTrace(call, found.queue);
    const leftMs = await this.#metadata.leftToProduce(items, found.queue, found.leftMs);
    return found.queue.produceWithIds(items, waitOptions(leftMs, options));
  }

  /** Waits for items and leases them, all of one partition. @throws QueueError also `retry` when none came in time. */
  async lease(call: LeaseCall, options: CallOptions = {}): Promise<Leased> {
    const queue = this.#manager.ready(call.queueName);
    if (queue === undefined) return this.#leaseLater(call, options);
    const timeoutMs = this.#checkLease(call, queue);
    const left = call.details === true ? this.#metadata.leftToLease(queue, timeoutMs) : timeoutMs;
    const leftMs = typeof left === 'number' ? left : await left;
    return queue.lease(wishesOf(call, leftMs), waitOptions(leftMs, options));
  }

  /** Removes leased items, all or none. @throws QueueError also `retry` when storage fails. */
  async complete(call: CompleteCall, options: CallOptions = {}): Promise<void> {
    const found = this.#requests.queueForComplete(call, options);
    const queue = found instanceof Promise ? await found : found;
    this.#requests.checkComplete(call, queue);
    await queue.leasedItems.complete(call.partition, call.ids, options.trace);
  }

  /** Gives leased items back, all or none. @throws QueueError also `retry` when storage fails. */
  async retry(call: RetryCall, options: CallOptions = {}): Promise<void> {
    const found = this.#requests.queueForRetry(call, options);
    const queue = found instanceof Promise ? await found : found;
    this.#requests.checkRetry(call, queue);
    const required = this.#requests.requireForRetry(call, queue);
    if (required !== undefined) await required;
    await queue.leasedItems.retry(call.partition, call.items, options.trace);
  }

  /**
   * Removes items from all partitions.
   *
   * @returns the number of removed items.
   * @throws QueueError also `retry` when storage fails.
   */
  async clear({ queueName, queue: waiting, scheduled, destructive }: ClearCall): Promise<number> {
    const queue = await this.#manager.get(queueName);
    queue.checkRunning();
    if (!waiting && !scheduled) {
      throw invalid("invalid clear request; one of 'queue', 'scheduled' must be true");
    }
    return await orRetry(queue.clear({ waiting, leased: waiting && destructive, scheduled }));
  }

  /** Probes and counts every partition. */
  async reload(queueName: string): Promise<void> {
    const queue = await this.#manager.get(queueName);
    queue.checkRunning();
    await queue.reload();
  }

  /** What the queue holds and does. */
  async stats(queueName: string): Promise<LogicalQueueStats> {
    return this.#manager.reading(queueName, async (queue) => {
      queue.checkRunning();
      return queue.stats();
    });
  }

  async #produceLater(call: ProduceCall, options: CallOptions): Promise<void> {
    const found = await this.#findToProduce(call, options);
    const items = this.#metadata.withTrace(call, found.queue);
    const leftMs = await this.#metadata.leftToProduce(items, found.queue, found.leftMs);
    await found.queue.produce(items, waitOptions(leftMs, options));
  }

  /** The queue of a produce once it is active. The request is checked. */
  async #findToProduce(call: ProduceCall, options: CallOptions): Promise<FoundQueue> {
    const found = await this.#find(call.queueName, options, {
      check: () => this.#checkProduce(call),
      bytes: call.items.reduce((sum, item) => sum + newItemBytes(item), 0),
      timedOut: MESSAGES.produceTimedOut,
      persists: true,
    });
    this.#checkProduce(call, found.queue);
    return found;
  }

  async #leaseLater(call: LeaseCall, options: CallOptions): Promise<Leased> {
    const found = await this.#find(call.queueName, options, {
      check: () => this.#checkLease(call),
      bytes: call.clientId.length,
      timedOut: MESSAGES.leaseTimedOut,
      persists: true,
    });
    const { queue } = found;
    this.#checkLease(call, queue);
    const leftMs =
      call.details === true ? await this.#metadata.leftToLease(queue, found.leftMs) : found.leftMs;
    return queue.lease(wishesOf(call, leftMs), waitOptions(leftMs, options));
  }

  #find(name: string, options: CallOptions, lookup: LookupOptions): Promise<FoundQueue> {
    return this.#lookup.find(name, lookup, options);
  }

  /*
   * The checks of a request, in the documented order. Without a queue they skip
   * what needs it. Each returns how long the caller waits, in milliseconds, and
   * throws a QueueError for the first error.
   */

  #checkProduce(call: ProduceCall, queue?: LogicalQueue): number {
    const timeout = this.#timeouts.parse(call.requestTimeout);
    queue?.checkRunning();
    checkRequestTimeout(timeout, SHORTEST_REQUEST_TIMEOUT);
    checkProducedItems(call.items, this.#limits.produceBatch, call.received);
    return toMilliseconds(timeout);
  }

  #checkLease(call: LeaseCall, queue?: LogicalQueue): number {
    const timeout = this.#timeouts.parse(call.requestTimeout);
    queue?.checkRunning();
    checkLease(call.clientId, call.batchSize, this.#limits.leaseBatch);
    checkRequestTimeout(timeout, SHORTEST_REQUEST_TIMEOUT);
    const timeoutMs = toMilliseconds(timeout);
    if (hasOptions(call)) {
      const leaseTimeout = leaseTimeoutOf(call);
      if (leaseTimeout !== undefined && queue !== undefined) {
        checkLeaseTimeout(leaseTimeout, queue.queue.expireTimeout);
      }
      gatherWishOf(call, call.batchSize, timeoutMs);
    }
    return timeoutMs;
  }
}

function hasOptions({ leaseTimeout = '', minItems = 0, maxWait = '' }: LeaseOptions): boolean {
  return leaseTimeout !== '' || minItems !== 0 || maxWait !== '';
}

/** @param timeoutMs how long the request waits, in milliseconds. */
function wishesOf(call: LeaseCall, timeoutMs: number): LeaseWishes {
  const { clientId, batchSize, details = false } = call;
  const wishes = { clientId, limit: batchSize, details };
  if (!hasOptions(call)) return wishes;
  const gather = gatherWishOf(call, batchSize, timeoutMs);
  return { ...wishes, leaseTimeout: leaseTimeoutOf(call), gather };
}
