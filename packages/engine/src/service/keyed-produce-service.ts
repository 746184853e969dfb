import { MESSAGES, newItemBytes, SHORTEST_REQUEST_TIMEOUT, toMilliseconds } from '@querator/core';
import type { EngineLimits } from '../engine-deps.ts';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { ProducedItem } from '../queue/keyed-produces.ts';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import { checkDedupKeys, type DedupKeys, parseDedupWindow } from '../rules/dedup-rules.ts';
import { checkProducedItems } from '../rules/request-rules.ts';
import { checkRequestTimeout, RequestTimeouts } from '../rules/request-timeouts.ts';
import { type CallOptions, waitOptions } from './call-options.ts';
import type { LeasedItemsDeps } from './leased-items-requests.ts';
import type { MetadataCheck } from './metadata-check.ts';
import type { QueueLookup } from './queue-lookup.ts';
import type { ProduceCall } from './queue-service.ts';

export interface KeyedProduceCall extends ProduceCall, DedupKeys {}

/**
 * Produces with dedup keys: a second produce with a key, inside its window, stores
 * nothing. So a request whose outcome is unknown may be repeated.
 */
export class KeyedProduceService {
  readonly #manager: QueueManager;
  readonly #limits: EngineLimits;
  readonly #lookup: QueueLookup;
  readonly #metadata: MetadataCheck;
  readonly #timeouts = new RequestTimeouts();

  constructor({ manager, limits, lookup, metadata }: LeasedItemsDeps) {
    this.#manager = manager;
    this.#limits = limits;
    this.#lookup = lookup;
    this.#metadata = metadata;
  }

  /**
   * Stores items whose keys are new. With one key for all: all of them or none. With
   * keys for the items: those of one partition all or none, and an error of one
   * partition is the outcome of its items only.
   *
   * @returns what became of each item, in order.
   * @throws QueueError as `QueueService.produce`, and `invalid` also for wrong keys.
   */
  async produce(call: KeyedProduceCall, options: CallOptions = {}): Promise<readonly ProducedItem[]> {
    const ready = this.#manager.ready(call.queueName);
    const found =
      ready === undefined
        ? await this.#find(call, options)
        : { queue: ready, leftMs: this.#check(call, ready) };
    const { queue } = found;
    const items = this.#metadata.withTrace(call, queue);
    const leftMs = await this.#metadata.leftToProduce(items, queue, found.leftMs);
    const { dedupKey, itemKeys } = call;
    const keys = dedupKey === '' ? itemKeys.map((key) => (key === '' ? undefined : key)) : dedupKey;
    const window = parseDedupWindow(call.dedupWindow);
    return queue.produceKeyed({ items, keys, window }, waitOptions(leftMs, options));
  }

  async #find(call: KeyedProduceCall, options: CallOptions) {
    const lookup = {
      check: () => this.#check(call),
      bytes: call.items.reduce((sum, item) => sum + newItemBytes(item), 0),
      timedOut: MESSAGES.produceTimedOut,
      persists: true,
    };
    const found = await this.#lookup.find(call.queueName, lookup, options);
    this.#check(call, found.queue);
    return found;
  }

  /** Checks the request in the order of a produce without keys, then the keys. @returns the request's time, in ms. */
  #check(call: KeyedProduceCall, queue?: LogicalQueue): number {
    const timeout = this.#timeouts.parse(call.requestTimeout);
    queue?.checkRunning();
    checkRequestTimeout(timeout, SHORTEST_REQUEST_TIMEOUT);
    checkProducedItems(call.items, this.#limits.produceBatch, call.received);
    checkDedupKeys(call);
    return toMilliseconds(timeout);
  }
}
