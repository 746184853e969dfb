import { type Caller, errorText, type FoundItem, invalid, LIMITS, type Permission } from '@querator/core';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { SearchedItem, SearchPosition } from '../queue/item-search.ts';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import { checkFilter, type GivenFilter } from '../rules/filter-rules.ts';
import { groupingOf } from '../rules/grouping-rules.ts';
import type { CallOptions } from './call-options.ts';
import { orRetry } from './or-retry.ts';
import { cursorOf, positionOf } from './search-cursor.ts';

/** What an operator looks for in a queue. */
interface SearchCall {
  readonly queueName: string;
  readonly filter: GivenFilter;
  /** Of the page before. Empty: from the first item. */
  readonly cursor: string;
}

export interface ExportItemsCall {
  readonly queueName: string;
  /** Of the page before. Empty: from the first item. */
  readonly cursor: string;
  /** 0: 100. At most 1,000. */
  readonly limit: number;
}

export interface FindItemsCall extends SearchCall {
  /** 0: 100. At most 1,000. */
  readonly limit: number;
  readonly withPayload: boolean;
}

export interface SummarizeItemsCall extends SearchCall {
  /** A grouping, as `groupingOf` takes it. */
  readonly by: string;
}

/** Who makes a call. Undefined: somebody who may do everything. */
export interface SearchOptions extends CallOptions {
  readonly caller?: Caller | undefined;
}

/** An item that a caller may see: without its id if that would prove a lease that is not the caller's. */
export interface ShownItem extends Omit<FoundItem, 'id' | 'details'> {
  /** Undefined for a leased item, if the caller may not complete it. */
  readonly id: string | undefined;
  readonly partition: number;
  readonly details: Omit<FoundItem['details'], 'firstId'> & {
    /** Undefined if it is the id, and that is not shown. */
    readonly firstId: string | undefined;
  };
}

/** A page of a search. */
export interface ShownItems {
  /** In order of their partitions and ids. May be empty although more follow. */
  readonly items: readonly ShownItem[];
  /** How many items were read. */
  readonly scanned: number;
  /** Where the next page begins. Empty: no more items. */
  readonly cursor: string;
}

/** Items that have a text in common. */
export interface ItemGroup {
  /** Empty: items without one. */
  readonly value: string;
  readonly count: number;
}

/** What a search counted. */
export interface ItemSummary {
  /** The greatest first, at most 1,000. */
  readonly groups: readonly ItemGroup[];
  /** Items of further groups. */
  readonly others: number;
  readonly scanned: number;
  /** Where the next part begins. Empty: no more items. */
  readonly cursor: string;
}

/** Knowing the id of a leased item is enough for this. */
const COMPLETE: Permission = 'queue.complete';
/** Items that a summary holds at a time. */
const COUNTED_AT_ONCE = 1_000;

/**
 * Finds the items of a queue for operators.
 *
 * A call reads a bounded part of the queue, and then answers what it found by then. The
 * caller goes on with the cursor.
 *
 * All methods throw QueueError: `invalid` for an invalid request or an unknown queue,
 * `retry` when storage fails, `failed` when it cannot find items or during shutdown.
 */
export class ItemsService {
  readonly #manager: QueueManager;

  constructor(manager: QueueManager) {
    this.#manager = manager;
  }

  /** Finds items that meet all conditions of the filter. */
  async find(call: FindItemsCall, { caller, signal }: SearchOptions = {}): Promise<ShownItems> {
    return this.#reading(call.queueName, async (queue) => {
      const from = positionOf(call.cursor);
      const limit = searchLimit(call.limit);
      const filter = checkFilter(call.filter);
      const { withPayload } = call;
      const { items, scanned, next } = await queue.search.find({ filter, limit, from, withPayload, signal });
      const seesIds = caller?.may(COMPLETE, queue.queue.namespace) ?? true;
      return { items: items.map((found) => shown(found, seesIds)), scanned, cursor: nextCursor(next) };
    });
  }

  /** All items of a queue, with everything that they have. */
  export(call: ExportItemsCall, options: SearchOptions = {}): Promise<ShownItems> {
    return this.find({ ...call, filter: {}, withPayload: true }, options);
  }

  /** Counts items that meet all conditions of the filter, by a text that they have. */
  async summarize(call: SummarizeItemsCall, { signal }: SearchOptions = {}): Promise<ItemSummary> {
    return this.#reading(call.queueName, async (queue) => {
      const from = positionOf(call.cursor);
      const filter = checkFilter(call.filter);
      const textOf = groupingOf(call.by);
      const counts = new Map<string, number>();
      const { scanned, next } = await queue.search.each(
        { filter, limit: COUNTED_AT_ONCE, from, withPayload: false, signal },
        ({ item }) => {
          const value = textOf(item) ?? '';
          counts.set(value, (counts.get(value) ?? 0) + 1);
          return COUNTED_AT_ONCE;
        },
      );
      const groups = [...counts].map(([value, count]) => ({ value, count }));
      groups.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
      const others = groups.slice(LIMITS.summaryGroups).reduce((sum, { count }) => sum + count, 0);
      return { groups: groups.slice(0, LIMITS.summaryGroups), others, scanned, cursor: nextCursor(next) };
    });
  }

  #reading<T>(queueName: string, read: (queue: LogicalQueue) => Promise<T>): Promise<T> {
    const reading = this.#manager.reading(queueName, async (queue) => {
      queue.checkRunning();
      return read(queue);
    });
    return orRetry(reading);
  }
}

function nextCursor(next: SearchPosition | undefined): string {
  return next === undefined ? '' : cursorOf(next);
}

function searchLimit(limit: number): number {
  if (limit < 0) throw invalid('limit is invalid; limit cannot be negative');
  if (limit > LIMITS.findPage) {
    throw invalid(errorText`limit is invalid; cannot be greater than ${LIMITS.findPage}`, 'too_large');
  }
  return limit || LIMITS.findPageDefault;
}

/** @param seesIds whether the caller may complete the items of the queue. */
function shown({ partition, item }: SearchedItem, seesIds: boolean): ShownItem {
  const { id, state, details } = item;
  if (seesIds || state !== 'leased') return { ...item, partition };
  const firstId = details.firstId === id ? undefined : details.firstId;
  return { ...item, partition, id: undefined, details: { ...details, firstId } };
}
