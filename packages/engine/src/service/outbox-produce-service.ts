import { MESSAGES, type MovedRows, type NewItem, newItemBytes, type OutboxMove } from '@querator/core';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import { checkProducedItems } from '../rules/request-rules.ts';
import type { LeasedItemsDeps } from './leased-items-requests.ts';
import { bringMetadata } from './metadata-check.ts';

/** How long a call waits until its queue is active. */
const LOOKUP_MS = 10_000;

/** For the relay of an outbox in the database of the queues: rows become items in one transaction. */
export class OutboxProduceService {
  readonly #deps: LeasedItemsDeps;

  constructor(deps: LeasedItemsDeps) {
    this.#deps = deps;
  }

  /**
   * Whether a queue has all its partitions on these storages.
   *
   * @throws QueueError if there is no such queue, or its storage cannot be reached.
   */
  async isOn(queueName: string, storages: ReadonlySet<string>): Promise<boolean> {
    if (storages.size === 0) return false;
    return (await this.#find(queueName, [])).outbox.areOn(storages);
  }

  /**
   * Moves the rows of these items.
   *
   * @returns undefined if the rows have moved or were removed meanwhile. Nothing has changed then.
   * @throws QueueError as `QueueService.produce`.
   */
  async produce(items: readonly NewItem[], move: OutboxMove): Promise<MovedRows | undefined> {
    checkProducedItems(items, this.#deps.limits.produceBatch);
    const queue = await this.#find(move.queue, items);
    if (bringMetadata(items)) await this.#deps.metadata.forWrite(queue);
    return queue.outbox.produce(items, move);
  }

  async #find(queueName: string, items: readonly NewItem[]): Promise<LogicalQueue> {
    const ready = this.#deps.manager.ready(queueName);
    if (ready !== undefined) return ready;
    const bytes = items.reduce((sum, item) => sum + newItemBytes(item), 0);
    const wait = { check: () => LOOKUP_MS, bytes, timedOut: MESSAGES.produceTimedOut, persists: true };
    return (await this.#deps.lookup.find(queueName, wait, {})).queue;
  }
}
