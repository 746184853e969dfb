import {
  checkItemId,
  checkText,
  errorText,
  type ImportedItem,
  type ItemListRequest,
  instantFromMicroseconds,
  invalid,
  isBlank,
  LIMITS,
  type StoredItem,
} from '@querator/core';
import type { EngineLimits } from '../engine-deps.ts';
import { withPartition } from '../manager/known-partition.ts';
import type { QueueManager } from '../manager/queue-manager.ts';
import { checkUniqueIds, pageLimit } from '../rules/request-rules.ts';
import { orRetry } from './or-retry.ts';
import { firstPage, itemsPage, type Page } from './page.ts';

export interface ListItemsCall {
  readonly queueName: string;
  readonly partition: number;
  /** The page starts with this id, or the next greater one; empty or blank: from the first. */
  readonly pivot: string;
  /** 0: 1,000. */
  readonly limit: number;
}

export interface ImportItemsCall {
  readonly queueName: string;
  readonly partition: number;
  /** 1 to 65,536 items. */
  readonly items: readonly ImportedItem[];
  /** The number of items that the caller sent, if `items` are only the first of them. */
  readonly received?: number | undefined;
}

export interface DeleteItemsCall {
  readonly queueName: string;
  readonly partition: number;
  /** 1 to 10,000 ids, none twice. Unknown ids are ignored. */
  readonly ids: readonly string[];
  /** The number of ids that the caller sent, if `ids` are only the first of them. */
  readonly received?: number | undefined;
}

/** The first of the items that an import stored. */
export interface ImportedPage extends Page<StoredItem> {
  /** How many items the import stored. */
  readonly storedCount: number;
}

/** The deadline of an imported lease without one: the lease has ended. */
const LEASE_ENDED = instantFromMicroseconds(0n);

/** What operators call to read and change the items of a partition. */
export class StorageService {
  readonly #manager: QueueManager;

  readonly #limits: EngineLimits;

  constructor(manager: QueueManager, limits: EngineLimits) {
    this.#manager = manager;
    this.#limits = limits;
  }

  /** A page of the waiting and leased items, in order of their ids. @throws QueueError `invalid`, `failed`. */
  itemsPage(call: ListItemsCall): Promise<Page<StoredItem>> {
    return this.#page(call, 'queued');
  }

  /** A page of the scheduled items, in order of their ids. @throws QueueError `invalid`, `failed`. */
  scheduledPage(call: ListItemsCall): Promise<Page<StoredItem>> {
    return this.#page(call, 'scheduled');
  }

  /** The items of {@link itemsPage}. */
  async listItems(call: ListItemsCall): Promise<readonly StoredItem[]> {
    return (await this.itemsPage(call)).items;
  }

  /** The items of {@link scheduledPage}. */
  async listScheduled(call: ListItemsCall): Promise<readonly StoredItem[]> {
    return (await this.scheduledPage(call)).items;
  }

  /**
   * Adds items as they are, under new ids at the tail. Leaves out items whose
   * source id the partition already holds.
   *
   * @returns the items that were stored.
   * @throws QueueError `invalid`, `failed`, or `retry` when storage fails.
   */
  async importItems(call: ImportItemsCall): Promise<readonly StoredItem[]> {
    const queue = await withPartition(this.#manager, this.#manager.get(call.queueName), call.partition);
    queue.checkPartition(call.partition);
    queue.checkRunning();
    if (call.items.length === 0) throw invalid('items is invalid; cannot be empty');
    checkImportBatch(call.received ?? call.items.length, this.#limits.importBatch);
    const items = call.items.map(checkedImport);
    const stored = await orRetry(queue.imports.add(call.partition, items));
    return stored.filter((item) => item !== undefined);
  }

  /**
   * As `importItems`, with an answer no larger than a page. Stores all items;
   * `more` says that the page leaves out the last of them.
   */
  async importPage(call: ImportItemsCall): Promise<ImportedPage> {
    const stored = await this.importItems(call);
    return { ...firstPage(stored, LIMITS.listPage), storedCount: stored.length };
  }

  /**
   * Removes items in whatever state, all or none.
   *
   * @returns the number of removed items.
   * @throws QueueError `invalid`, `failed`, or `retry`.
   */
  async deleteItems(call: DeleteItemsCall): Promise<number> {
    const queue = await withPartition(this.#manager, this.#manager.get(call.queueName), call.partition);
    queue.checkPartition(call.partition);
    queue.checkRunning();
    if (call.ids.length === 0) throw invalid('ids is invalid; cannot be empty');
    checkDeleteBatch(call.received ?? call.ids.length, this.#limits.deleteBatch);
    call.ids.forEach(checkItemId);
    checkUniqueIds(call.ids);
    return await orRetry(queue.delete(call.partition, call.ids));
  }

  #page(call: ListItemsCall, state: ItemListRequest['state']): Promise<Page<StoredItem>> {
    return this.#manager.reading(call.queueName, async (known) => {
      const queue = await withPartition(this.#manager, known, call.partition);
      queue.checkPartition(call.partition);
      queue.checkRunning();
      const limit = pageLimit(call.limit);
      const pivot = isBlank(call.pivot) ? '' : call.pivot;
      if (pivot !== '') checkItemId(pivot);
      checkText('pivot', pivot);
      return itemsPage((request) => queue.list(call.partition, request), { state, pivot, limit });
    });
  }
}

/** @throws QueueError `invalid` when an import has too many items. */
export function checkImportBatch(received: number, most: number): void {
  if (received <= most) return;
  throw invalid(
    errorText`items is invalid; max_import_batch_size is ${most} but received ${received}`,
    'too_large',
  );
}

function checkDeleteBatch(received: number, most: number): void {
  if (received <= most) return;
  throw invalid(
    errorText`ids is invalid; max_delete_batch_size is ${most} but received ${received}`,
    'too_large',
  );
}

function checkedImport(item: ImportedItem): ImportedItem {
  checkText('source_id', item.sourceId ?? '');
  checkText('encoding', item.encoding);
  checkText('kind', item.kind);
  checkText('reference', item.reference);
  if (item.attempts < 0) throw invalid('attempts is invalid; cannot be negative number');
  if (item.maxAttempts < 0) throw invalid('max attempts is invalid; cannot be negative number');
  return item.isLeased && item.leaseDeadline === undefined ? { ...item, leaseDeadline: LEASE_ENDED } : item;
}
