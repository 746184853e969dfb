import { type RetriedItem, toMilliseconds } from '@querator/core';
import type { EngineLimits } from '../engine-deps.ts';
import { readyPartition, withPartition } from '../manager/known-partition.ts';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import { checkErrors } from '../rules/item-errors.ts';
import { checkLeaseTimeout, parseLeaseTimeout, parseMaxHold } from '../rules/queue-setting-rules.ts';
import { checkIds } from '../rules/request-rules.ts';
import { checkRequestTimeout, RequestTimeouts } from '../rules/request-timeouts.ts';
import type { CallOptions } from './call-options.ts';
import { bringErrors, type MetadataCheck } from './metadata-check.ts';
import type { BriefLookup, QueueLookup } from './queue-lookup.ts';

/** What every call on leased items has. */
interface LeasedItemsCall {
  readonly queueName: string;
  /** The partition the items were leased from. */
  readonly partition: number;
  /** The number of ids or items that the caller sent, if the call has only the first of them. */
  readonly received?: number | undefined;
}

export interface CompleteCall extends LeasedItemsCall {
  /** In Go's syntax: `30s`. */
  readonly requestTimeout: string;
  /** 1 to 1,000 ids, none twice. */
  readonly ids: readonly string[];
}

export interface RetryCall extends LeasedItemsCall {
  /** 1 to 1,000 items, none twice. */
  readonly items: readonly RetriedItem[];
}

export interface ExtendCall extends CompleteCall {
  /** How long the leases last from now, in Go's syntax: `30s`. At most the queue's expire timeout. */
  readonly leaseTimeout: string;
  /** How long the leases may be extended in all, from the first extension with a `maxHold`. Empty: without a bound. */
  readonly maxHold?: string | undefined;
}

export interface LeasedItemsDeps {
  readonly manager: QueueManager;
  readonly limits: EngineLimits;
  readonly lookup: QueueLookup;
  readonly metadata: MetadataCheck;
}

/** A retry request has no timeout of its own; this is its value, in milliseconds. */
const RETRY_TIMEOUT_MS = 300_000;

/**
 * Finds the queues of requests on leased items, and checks the requests in the
 * documented order.
 *
 * The checks skip what needs the queue if there is none. Each returns how long the
 * caller waits, in milliseconds, and throws a QueueError for the first error.
 */
export class LeasedItemsRequests {
  readonly #limits: EngineLimits;
  readonly #manager: QueueManager;
  readonly #lookup: QueueLookup;
  readonly #metadata: MetadataCheck;
  readonly #timeouts = new RequestTimeouts();

  constructor({ manager, limits, lookup, metadata }: LeasedItemsDeps) {
    this.#manager = manager;
    this.#limits = limits;
    this.#lookup = lookup;
    this.#metadata = metadata;
  }

  /** A promise only if it has to be found out whether the errors of a retry can be kept. */
  requireForRetry({ items }: RetryCall, queue: LogicalQueue): Promise<void> | undefined {
    return bringErrors(items) ? this.#metadata.forWrite(queue) : undefined;
  }

  /** A promise only if the queue has to be activated, or its settings are in doubt. */
  queueForComplete(call: CompleteCall, options: CallOptions): LogicalQueue | Promise<LogicalQueue> {
    return (
      readyPartition(this.#manager, call.queueName, call.partition) ??
      this.#find(call, options, {
        ids: call.ids,
        check: () => this.checkComplete(call),
      })
    );
  }

  /** As `queueForComplete`. */
  queueForRetry(call: RetryCall, options: CallOptions): LogicalQueue | Promise<LogicalQueue> {
    return (
      readyPartition(this.#manager, call.queueName, call.partition) ??
      this.#find(call, options, {
        ids: call.items.map(({ id }) => id),
        check: () => this.checkRetry(call),
      })
    );
  }

  /** As `queueForComplete`. */
  queueForExtend(call: ExtendCall, options: CallOptions): LogicalQueue | Promise<LogicalQueue> {
    return (
      readyPartition(this.#manager, call.queueName, call.partition) ??
      this.#find(call, options, {
        ids: call.ids,
        check: () => this.checkExtend(call),
      })
    );
  }

  checkComplete(call: CompleteCall, queue?: LogicalQueue): number {
    queue?.checkPartition(call.partition);
    const timeout = this.#timeouts.parse(call.requestTimeout);
    queue?.checkRunning();
    const words = { field: 'ids', list: 'list of ids' } as const;
    checkIds(call.ids, this.#limits.completeBatch, words, call.received);
    checkRequestTimeout(timeout);
    return toMilliseconds(timeout);
  }

  checkRetry(call: RetryCall, queue?: LogicalQueue): number {
    queue?.checkPartition(call.partition);
    queue?.checkRunning();
    const ids = call.items.map(({ id }) => id);
    const words = { field: 'items', list: 'list of items' } as const;
    checkIds(ids, this.#limits.completeBatch, words, call.received);
    checkErrors(call.items);
    return RETRY_TIMEOUT_MS;
  }

  checkExtend(call: ExtendCall, queue?: LogicalQueue): number {
    const timeoutMs = this.checkComplete(call, queue);
    const leaseTimeout = parseLeaseTimeout(call.leaseTimeout);
    parseMaxHold(call.maxHold ?? '');
    if (queue !== undefined) checkLeaseTimeout(leaseTimeout, queue.queue.expireTimeout);
    return timeoutMs;
  }
  #find(
    { queueName, partition }: LeasedItemsCall,
    options: CallOptions,
    lookup: BriefLookup,
  ): Promise<LogicalQueue> {
    return withPartition(this.#manager, this.#lookup.findBriefly(queueName, options, lookup), partition);
  }
}
