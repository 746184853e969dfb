import {
  type Duration,
  errorText,
  type ImportedItem,
  type ItemId,
  invalid,
  LIMITS,
  type Outcome,
  QueueError,
  type RetryResult,
  StorageError,
  type StoredItem,
  storageFailed,
  unavailable,
} from '@querator/core';
import type { EngineLimits } from '../engine-deps.ts';
import { withPartition } from '../manager/known-partition.ts';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import { checkImportKeys, type DedupKeys, parseDedupWindow } from '../rules/dedup-rules.ts';
import { checkGivenItem, type GivenItem } from '../rules/import-rules.ts';
import { checkIds } from '../rules/request-rules.ts';
import type { MetadataCheck } from './metadata-check.ts';
import { orRetry } from './or-retry.ts';
import { checkImportBatch } from './storage-service.ts';

/** Ids of items in one partition. */
export interface ItemIdsCall {
  readonly queueName: string;
  readonly partition: number;
  /** 1 to 1,000 ids, none twice. */
  readonly ids: readonly string[];
  /** The number of ids that the caller sent, if `ids` are only the first of them. */
  readonly received?: number | undefined;
}

export interface ImportGivenItemsCall extends Omit<DedupKeys, 'itemKeys'> {
  readonly queueName: string;
  /** 1 to 65,536 items, with dedup keys 10,000. */
  readonly items: readonly GivenItem[];
  /** The number of items that the caller sent, if `items` are only the first of them. */
  readonly received?: number | undefined;
}

/** What became of an item of an import. */
export type ImportOutcome =
  | { readonly id: ItemId; readonly partition: number; readonly duplicate: boolean }
  | { readonly error: QueueError };

/**
 * Changes single items of a queue for operators, with an outcome for each.
 *
 * All methods throw QueueError: `invalid` for an invalid request, an unknown queue or
 * partition, `retry` when storage fails, `failed` during shutdown.
 */
export class ItemChangesService {
  readonly #manager: QueueManager;
  readonly #limits: EngineLimits;
  readonly #metadata: MetadataCheck;

  constructor(deps: {
    readonly manager: QueueManager;
    readonly limits: EngineLimits;
    readonly metadata: MetadataCheck;
  }) {
    this.#manager = deps.manager;
    this.#limits = deps.limits;
    this.#metadata = deps.metadata;
  }

  /** Ends leases: the items go back to the queue now, or die without attempts left. */
  async retry(call: ItemIdsCall): Promise<readonly Outcome<RetryResult>[]> {
    const queue = await this.#checked(call);
    return queue.leasedItems.retryEach(
      call.partition,
      call.ids.map((id) => ({ id, dead: false })),
    );
  }

  /** Removes items in whatever state. */
  async delete(call: ItemIdsCall): Promise<readonly Outcome<void>[]> {
    const queue = await this.#checked(call);
    return orRetry(queue.leasedItems.deleteEach(call.partition, call.ids));
  }

  /**
   * Adds items with their state and details, under new ids at the tail of their
   * partitions. Leaves out items whose source id or dedup key a partition already holds.
   * A key of the request is kept in each partition of its items. The items of a partition
   * are stored all or none.
   *
   * @returns the outcomes, in order of the items.
   * @throws QueueError also if the first partition of the items stores none.
   */
  async import(call: ImportGivenItemsCall): Promise<readonly ImportOutcome[]> {
    const last = call.items.reduce((most, { partition }) => Math.max(most, partition), 0);
    const queue = await withPartition(this.#manager, this.#manager.get(call.queueName), last);
    queue.checkRunning();
    const { items } = call;
    if (items.length === 0) throw invalid('items is invalid; cannot be empty');
    checkImportBatch(call.received ?? items.length, this.#limits.importBatch);
    const isKeyed = checkImportKeys({ ...call, itemKeys: items.map(({ dedupKey }) => dedupKey) });
    if (isKeyed) checkKeyedBatch(call.received ?? items.length);
    const window = parseDedupWindow(call.dedupWindow);
    const checked = items.map((item) => {
      queue.checkPartition(item.partition);
      return checkGivenItem(item);
    });
    if (checked.some(({ details }) => details !== undefined)) await this.#metadata.forWrite(queue);
    const outcomes = new Array<ImportOutcome>(items.length);
    let isFirst = true;
    for (const [partition, positions] of byPartition(items)) {
      const part = positions.map((position) => ({
        item: checked[position] as ImportedItem,
        key: call.dedupKey || (items[position] as GivenItem).dedupKey,
      }));
      const results = await importInto(partition, part, isFirst, () =>
        isKeyed
          ? importKeyed(queue, partition, part, window, call.dedupKey !== '')
          : queue.imports.add(
              partition,
              part.map(({ item }) => item),
            ),
      );
      positions.forEach((position, n) => {
        outcomes[position] = results[n] as ImportOutcome;
      });
      isFirst = false;
    }
    return outcomes;
  }

  async #checked({ queueName, partition, ids, received }: ItemIdsCall): Promise<LogicalQueue> {
    const queue = await withPartition(this.#manager, this.#manager.get(queueName), partition);
    queue.checkPartition(partition);
    queue.checkRunning();
    checkIds(ids, this.#limits.completeBatch, { field: 'ids', list: 'list of ids' }, received);
    return queue;
  }
}

/** The positions of the items of each partition, in order. */
function byPartition(items: readonly GivenItem[]): ReadonlyMap<number, readonly number[]> {
  const positions = new Map<number, number[]>();
  for (const [position, { partition }] of items.entries()) {
    const known = positions.get(partition);
    if (known === undefined) positions.set(partition, [position]);
    else known.push(position);
  }
  return positions;
}

/** An item, and its dedup key. Empty: it has none. */
interface KeyedItem {
  readonly item: ImportedItem;
  readonly key: string;
}

/** The stored items of an import in its order, undefined for those left out. */
type Imported = readonly (StoredItem | undefined)[];

/**
 * Imports the items of one partition.
 *
 * @param work does it.
 * @throws QueueError only if nothing was stored before.
 */
async function importInto(
  partition: number,
  items: readonly KeyedItem[],
  isFirst: boolean,
  work: () => Promise<Imported>,
): Promise<readonly ImportOutcome[]> {
  try {
    const stored = await work();
    return stored.map((item) => ({ id: item?.id ?? '', partition, duplicate: item === undefined }));
  } catch (cause) {
    const error = cause instanceof StorageError ? storageFailed(cause) : cause;
    if (isFirst || !(error instanceof QueueError)) throw error;
    // An outcome has a word.
    const told = error.reason === undefined ? unavailable('failed', error.message) : error;
    return items.map(() => ({ error: told }));
  }
}

/** Stores the items of each key together. Of several items with a key of their own, the first counts. */
async function importKeyed(
  queue: LogicalQueue,
  partition: number,
  items: readonly KeyedItem[],
  window: Duration,
  ofRequest: boolean,
): Promise<Imported> {
  const places = new Map<string, number[]>();
  for (const [place, { key }] of items.entries()) {
    const known = places.get(key);
    if (known === undefined) places.set(key, [place]);
    else if (ofRequest) known.push(place);
  }
  const groups = [...places].map(([key, at]) => ({
    key,
    items: at.map((place) => (items[place] as KeyedItem).item),
  }));
  const stored = await queue.imports.addKeyed(partition, { groups, window });
  const imported = new Array<StoredItem | undefined>(items.length).fill(undefined);
  for (const [n, place] of [...places.values()].flat().entries()) imported[place] = stored[n];
  return imported;
}

function checkKeyedBatch(received: number): void {
  if (received <= LIMITS.keyedImportBatch) return;
  throw invalid(
    errorText`items is invalid; an import with dedup keys has at most ${LIMITS.keyedImportBatch} but received ${received}`,
    'too_large',
  );
}
