import type { CallOptions, Client } from '@querator/client';
import { itemIdFault } from '@querator/core';
import type { StorageItem } from '@querator/protocol';
import { idOfPlace, placeOfId } from './id-order.ts';

/** The most requests that a search for the end of a partition makes. */
const MOST_PROBES = 100;

/** After how many probes in succession that found nothing the last item found is probed. */
const EMPTY_PROBES = 3;

/** The most pages of skipped items that a look counts: the server sends their payloads too. */
const COUNTED_PAGES = 3;
const PAGE = 1_000;

/** What a look at a partition found. */
export interface Look {
  /** Items that came since the look before, in their order. */
  readonly items: readonly StorageItem[];
  /** How many more came, which were skipped. */
  readonly leftOut: number;
  /** Whether even more were skipped than were counted. */
  readonly isMore: boolean;
}

/**
 * Follows the end of one partition. New items have greater ids than all before them, so a look reads
 * on from the last id, and costs the server no more in a queue that holds much.
 */
export class PartitionTail {
  /** Its number. */
  readonly partition: number;
  readonly #client: Client;
  readonly #queueName: string;
  /** The last id that was seen. Empty: none. */
  #last = '';

  constructor(client: Client, queueName: string, partition: number) {
    this.#client = client;
    this.#queueName = queueName;
    this.partition = partition;
  }

  /** Goes to the end of what the partition holds now. @throws what the calls throw. */
  async start(options: CallOptions): Promise<void> {
    const first = await this.#read('', 2, options);
    const last = first.at(-1);
    if (last !== undefined) this.#last = await this.#endAfter(first[0]?.id ?? '', last.id, options);
  }

  /**
   * Reads what came. If it is more than `limit`, skips the rest, and counts the first thousands of it.
   *
   * @throws what the calls throw.
   */
  async look(limit: number, options: CallOptions): Promise<Look> {
    // The page begins with the last item, if it is still there, and one more tells whether some were left out.
    const page = await this.#read(this.#last, limit + 2, options);
    const fresh = page.filter(({ id }) => id > this.#last);
    const items = fresh.slice(0, limit);
    const last = fresh.at(-1);
    if (last === undefined) return { items, leftOut: 0, isMore: false };
    this.#last = last.id;
    const leftOut = fresh.length - items.length;
    if (leftOut === 0) return { items, leftOut, isMore: false };
    const { count, isMore } = await this.#countOn(options);
    if (isMore) this.#last = await this.#endAfter(fresh[0]?.id ?? '', this.#last, options);
    return { items, leftOut: leftOut + count, isMore };
  }

  /** Goes on to the end if that is near, and counts the items. */
  async #countOn(options: CallOptions): Promise<{ readonly count: number; readonly isMore: boolean }> {
    let count = 0;
    for (let pages = 0; pages < COUNTED_PAGES; pages++) {
      const page = await this.#read(this.#last, PAGE, options);
      const fresh = page.filter(({ id }) => id > this.#last);
      const last = fresh.at(-1);
      if (last === undefined) return { count, isMore: false };
      count += fresh.length;
      this.#last = last.id;
    }
    return { count, isMore: true };
  }

  /**
   * Finds the last item by probes between ids, first in steps that double, then by halves. An item that
   * was found may be the last one itself, which no probe behind it tells. So it is probed too after some
   * that found nothing.
   *
   * @param before an item before `from`. Their distance is the first step.
   * @returns its id, or one before it if the probes did not suffice.
   */
  async #endAfter(before: string, from: string, options: CallOptions): Promise<string> {
    let low = placeOfId(from);
    let high: bigint | undefined;
    let step = low - placeOfId(before) || 1n;
    let empty = 0;
    for (let probes = 0; probes < MOST_PROBES && (high === undefined || high - low > 1n); probes++) {
      const isAtLow: boolean = empty === EMPTY_PROBES;
      const middle: bigint = high === undefined ? low + step : (low + high) / 2n;
      const pivot = idOfPlace(isAtLow ? low : middle);
      const page = itemIdFault(pivot) === undefined ? await this.#read(pivot, 2, options) : [];
      empty = page.length === 0 && !isAtLow ? empty + 1 : 0;
      const last = page.at(-1);
      if (last !== undefined) {
        low = placeOfId(last.id);
        if (page.length === 1) break;
        step *= 2n;
      } else if (!isAtLow) high = middle;
    }
    return idOfPlace(low);
  }

  async #read(pivot: string, limit: number, options: CallOptions): Promise<readonly StorageItem[]> {
    const request = { queueName: this.#queueName, partition: this.partition, pivot, limit };
    return (await this.#client.storage.itemsList(request, options)).items;
  }
}
