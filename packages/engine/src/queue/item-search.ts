import {
  type Clock,
  errorText,
  FIND_BOUNDS,
  type FindBounds,
  type FindPage,
  type FoundItem,
  type ItemFilter,
  type ItemId,
  millisecondsBetween,
  type QueueError,
  type SeenItem,
  StorageError,
  unavailable,
} from '@querator/core';
import type { PartitionState } from '../partition/partition-state.ts';
import { CallerGone } from '../waiting/pending-request.ts';

/** Where a search goes on: after an id of a partition. */
export interface SearchPosition {
  readonly partition: number;
  /** Undefined: at the first item. */
  readonly after: ItemId | undefined;
}

/** What a search looks for. */
export interface SearchRequest {
  readonly filter: ItemFilter;
  /** The most items. */
  readonly limit: number;
  readonly from: SearchPosition;
  readonly withPayload: boolean;
  /** Aborted once the caller is gone. */
  readonly signal: AbortSignal | undefined;
}

/** An item with its partition. */
export interface SearchedItem {
  readonly partition: number;
  readonly item: FoundItem;
}

/** Where a search ended. */
export interface SearchEnd {
  /** How many items were read. */
  readonly scanned: number;
  /** Undefined: there are no more items. */
  readonly next: SearchPosition | undefined;
}

/** What a search found. */
export interface SearchPage extends SearchEnd {
  /** In order of their partitions and ids. Maybe none, even if there are more further on. */
  readonly items: readonly SearchedItem[];
}

/** Finds items in the partitions of a queue, one partition after the other, within {@link FIND_BOUNDS}. */
export class ItemSearch {
  readonly #clock: Clock;
  readonly #partitions: readonly PartitionState[];
  readonly #run: <T>(call: () => Promise<T>) => Promise<T>;

  /** @param run runs a storage call, for which the stop of the queue waits. */
  constructor(
    clock: Clock,
    partitions: readonly PartitionState[],
    run: <T>(call: () => Promise<T>) => Promise<T>,
  ) {
    this.#clock = clock;
    this.#partitions = partitions;
    this.#run = run;
  }

  /** The first items, at most `limit`. @throws as `each`. */
  async find(request: SearchRequest): Promise<SearchPage> {
    const items: SearchedItem[] = [];
    const end = await this.each(request, (item) => request.limit - items.push(item));
    return { ...end, items };
  }

  /**
   * Visits items, in order of their partitions and ids.
   *
   * @param request its `limit` is the most items to hold at first.
   * @param visit returns how many items to hold at most after those that are held. 0: it ends.
   * @throws StorageError if a partition cannot be read and nothing was read before;
   *   QueueError `failed` if a storage cannot find items, or once the queue stops.
   */
  async each(request: SearchRequest, visit: (found: SearchedItem) => number): Promise<SearchEnd> {
    let { rows, bytes, ms } = FIND_BOUNDS;
    let position = request.from;
    let { limit } = request;
    while (limit > 0 && rows > 0 && bytes > 0 && ms > 0) {
      const state = this.#partitions[position.partition];
      if (state === undefined) break;
      const { number } = state;
      const start = this.#clock.now();
      let page: FindPage;
      try {
        page = await this.#read(state, { ...request, limit, from: position }, { rows, bytes, ms });
      } catch (error) {
        const hasRead = rows < FIND_BOUNDS.rows;
        if (!hasRead || !(error instanceof StorageError || error instanceof CallerGone)) throw error;
        break;
      }
      for (const item of page.items) limit = visit({ partition: number, item });
      rows -= page.scanned;
      bytes -= page.bytes;
      ms -= millisecondsBetween(start, this.#clock.now());
      position =
        page.next === undefined
          ? { partition: number + 1, after: undefined }
          : { partition: number, after: page.next };
    }
    const isEnd = position.partition >= this.#partitions.length;
    return { scanned: FIND_BOUNDS.rows - rows, next: isEnd ? undefined : position };
  }

  /**
   * Reads on in one partition only.
   *
   * @throws StorageError if it cannot be read; QueueError as `each`.
   */
  async findIn(request: SearchRequest): Promise<FindPage> {
    return this.#read(this.#partition(request.from.partition), request, FIND_BOUNDS);
  }

  /**
   * Removes items of a partition that are as they were seen. @returns their number.
   *
   * @throws StorageError; QueueError `failed` if the storage has no such call, or once the queue stops.
   */
  async deleteSeen(partition: number, items: readonly SeenItem[]): Promise<number> {
    const { store, number } = this.#partition(partition);
    return this.#run(async () => {
      if (store.deleteSeen === undefined) throw cannotFind(number);
      return store.deleteSeen(items);
    });
  }

  #partition(number: number): PartitionState {
    const state = this.#partitions[number];
    if (state === undefined) throw unavailable('retry', 'the queue has lost the partition');
    return state;
  }

  /** Reads on in one partition, in its turn with the searches of other queues. */
  #read(
    { store, limited, number }: PartitionState,
    { filter, limit, from: { after }, withPayload, signal }: SearchRequest,
    bounds: FindBounds,
  ): Promise<FindPage> {
    return this.#run(() =>
      limited.find(async () => {
        if (signal?.aborted === true) throw new CallerGone();
        if (store.find === undefined) throw cannotFind(number);
        return store.find({ filter, limit, after, withPayload, signal, bounds });
      }),
    );
  }
}

function cannotFind(partition: number): QueueError {
  return unavailable(
    'failed',
    errorText`items cannot be found; the storage of partition '${partition}' has no such call`,
  );
}
