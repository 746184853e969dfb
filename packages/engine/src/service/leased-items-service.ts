import { type Instant, type Outcome, toMilliseconds } from '@querator/core';
import type { EngineLimits } from '../engine-deps.ts';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import { checkLeaseTimeout, parseLeaseTimeout } from '../rules/queue-setting-rules.ts';
import { checkIds } from '../rules/request-rules.ts';
import { checkRequestTimeout, RequestTimeouts } from '../rules/request-timeouts.ts';
import type { CallOptions } from './call-options.ts';
import type { QueueLookup } from './queue-lookup.ts';

export interface ExtendCall {
  readonly queueName: string;
  /** The partition the items were leased from. */
  readonly partition: number;
  readonly requestTimeout: string;
  /** How long the leases last from now, in Go's syntax: `30s`. At most the queue's expire timeout. */
  readonly leaseTimeout: string;
  /** 1 to 1,000 ids, none twice. */
  readonly ids: readonly string[];
  /** The number of ids that the caller sent, if `ids` are only the first of them. */
  readonly received?: number | undefined;
}

/**
 * What consumers call for items that they have leased, with an outcome for each
 * item. A bad id does not affect the others: its outcome is a QueueError with a
 * `reason`.
 *
 * All methods throw as those of `QueueService` do, when a request is invalid as a
 * whole or cannot be served.
 */
export class LeasedItemsService {
  readonly #manager: QueueManager;
  readonly #limits: EngineLimits;
  readonly #lookup: QueueLookup;
  readonly #timeouts = new RequestTimeouts();

  constructor(manager: QueueManager, limits: EngineLimits, lookup: QueueLookup) {
    this.#manager = manager;
    this.#limits = limits;
    this.#lookup = lookup;
  }

  /**
   * Gives leased items a new lease deadline, also when the present one has passed
   * and the items were not taken back yet.
   *
   * @returns the new deadlines, in the order of the ids.
   * @throws QueueError also `retry` when storage fails, and `failed` when it cannot extend leases.
   */
  async extend(call: ExtendCall, options: CallOptions = {}): Promise<readonly Outcome<Instant>[]> {
    const queue =
      this.#manager.ready(call.queueName) ??
      (await this.#lookup.findBriefly(call.queueName, options, {
        ids: call.ids,
        check: () => this.#checkExtend(call),
      }));
    this.#checkExtend(call, queue);
    const leaseTimeout = parseLeaseTimeout(call.leaseTimeout);
    return queue.leasedItems.extend(call.partition, { ids: call.ids, leaseTimeout });
  }

  /**
   * Checks a request in the documented order. Without a queue, skips what needs it.
   *
   * @returns how long the caller waits, in milliseconds.
   * @throws QueueError for the first error.
   */
  #checkExtend(call: ExtendCall, queue?: LogicalQueue): number {
    queue?.checkPartition(call.partition);
    const timeout = this.#timeouts.parse(call.requestTimeout);
    queue?.checkRunning();
    checkIds(call.ids, this.#limits.completeBatch, { field: 'ids', list: 'list of ids' }, call.received);
    checkRequestTimeout(timeout);
    const leaseTimeout = parseLeaseTimeout(call.leaseTimeout);
    if (queue !== undefined) checkLeaseTimeout(leaseTimeout, queue.queue.expireTimeout);
    return toMilliseconds(timeout);
  }
}
