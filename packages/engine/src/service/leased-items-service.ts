import type { Instant, Outcome, RetryResult } from '@querator/core';
import { parseLeaseTimeout, parseMaxHold } from '../rules/queue-setting-rules.ts';
import type { CallOptions } from './call-options.ts';
import type { CompleteCall, ExtendCall, LeasedItemsRequests, RetryCall } from './leased-items-requests.ts';

/**
 * What consumers call for items that they have leased, with an outcome for each
 * item, in the order of the request. A bad id does not affect the others: its
 * outcome is a QueueError with a `reason`.
 *
 * All methods throw as those of `QueueService` do, when a request is invalid as a
 * whole or cannot be served.
 */
export class LeasedItemsService {
  readonly #requests: LeasedItemsRequests;

  constructor(requests: LeasedItemsRequests) {
    this.#requests = requests;
  }

  /** Removes leased items. @throws QueueError also `retry` when storage fails. */
  async complete(call: CompleteCall, options: CallOptions = {}): Promise<readonly Outcome<void>[]> {
    const queue = await this.#requests.queueForComplete(call, options);
    this.#requests.checkComplete(call, queue);
    return queue.leasedItems.completeEach(call.partition, call.ids, options.trace);
  }

  /** Gives leased items back. @throws QueueError also `retry` when storage fails. */
  async retry(call: RetryCall, options: CallOptions = {}): Promise<readonly Outcome<RetryResult>[]> {
    const queue = await this.#requests.queueForRetry(call, options);
    this.#requests.checkRetry(call, queue);
    await this.#requests.requireForRetry(call, queue);
    return queue.leasedItems.retryEach(call.partition, call.items, options.trace);
  }

  /**
   * Gives leased items a new lease deadline, also when the present one has passed
   * and the items were not taken back yet. Once they were held for `maxHold`, their
   * outcome has the reason `over_limit`, and the lease stays as it is.
   *
   * @returns the new deadlines.
   * @throws QueueError also `retry` when storage fails, and `failed` when it cannot extend leases.
   */
  async extend(call: ExtendCall, options: CallOptions = {}): Promise<readonly Outcome<Instant>[]> {
    const queue = await this.#requests.queueForExtend(call, options);
    this.#requests.checkExtend(call, queue);
    const leaseTimeout = parseLeaseTimeout(call.leaseTimeout);
    const maxHold = parseMaxHold(call.maxHold ?? '');
    const request = { ids: call.ids, leaseTimeout, maxHold };
    return queue.leasedItems.extend(call.partition, request, options.trace);
  }
}
