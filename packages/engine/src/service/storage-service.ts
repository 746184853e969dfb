import { checkItemId, type ItemListRequest, type StoredItem } from '@querator/core';
import type { QueueManager } from '../manager/queue-manager.ts';
import { checkText, pageLimit } from './check-request.ts';

export interface ListItemsCall {
  readonly queueName: string;
  readonly partition: number;
  /** The page starts with this id, or the next greater one; empty or blank: from the first. */
  readonly pivot: string;
  /** 0: 1,000. */
  readonly limit: number;
}

/** The operator's view into a partition, in the order of checks of api.md, section 3. */
export class StorageService {
  readonly #manager: QueueManager;

  constructor(manager: QueueManager) {
    this.#manager = manager;
  }

  /** A page of the waiting and leased items, in order of their ids. @throws QueueError `invalid`, `failed`. */
  listItems(call: ListItemsCall): Promise<readonly StoredItem[]> {
    return this.#list(call, 'queued');
  }

  /** A page of the scheduled items, in order of their ids. @throws QueueError `invalid`, `failed`. */
  listScheduled(call: ListItemsCall): Promise<readonly StoredItem[]> {
    return this.#list(call, 'scheduled');
  }

  async #list(call: ListItemsCall, state: ItemListRequest['state']): Promise<readonly StoredItem[]> {
    const queue = await this.#manager.get(call.queueName);
    queue.checkPartition(call.partition);
    queue.checkRunning();
    const limit = pageLimit(call.limit);
    const pivot = call.pivot.trim();
    if (pivot !== '') checkItemId(pivot);
    checkText('pivot', pivot);
    return queue.list(call.partition, { state, pivot, limit });
  }
}
