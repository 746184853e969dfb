import {
  type Duration,
  dedupMissing,
  errorText,
  type ItemId,
  invalid,
  type KeyedItems,
  type KeyedItemsResult,
  type NewItem,
  type Queue,
  QueueError,
} from '@querator/core';
import { dedupSlot, partitionInSpread } from '@querator/router';
import type { EngineLimits } from '../engine-deps.ts';
import type { Produced } from '../loops/produce-loop.ts';
import { tooManyKeys } from '../partition/key-limit.ts';
import { spreadOf, spreadSize } from '../partition/queue-spread.ts';
import type { WaitOptions } from '../waiting/pending-request.ts';
import type { ActivePartition } from './active-partition.ts';

/** Items to produce under dedup keys. */
export interface KeyedProduce {
  readonly items: readonly NewItem[];
  /** One key for all items, or a key for each, undefined for items without one. */
  readonly keys: string | readonly (string | undefined)[];
  /** How long the keys last from now. */
  readonly window: Duration;
}

/** What became of an item. */
export type ProducedItem =
  | {
      readonly id: ItemId;
      readonly partition: number;
      /** Whether an earlier produce with its key stored an item under this id, and this one stored nothing. */
      readonly duplicate: boolean;
    }
  /** Why it was not stored, or not known to be. */
  | { readonly error: QueueError };

export interface KeyedProducesDeps {
  readonly limits: Pick<EngineLimits, 'dedupKeys'>;
  readonly queue: () => Queue;
  readonly partitions: readonly ActivePartition[];
  /** Produces items without keys. */
  readonly producePlain: (items: readonly NewItem[], options: WaitOptions) => Promise<Produced>;
}

/** Produces with dedup keys: finds the partition of each key. */
export class KeyedProduces {
  readonly #deps: KeyedProducesDeps;

  constructor(deps: KeyedProducesDeps) {
    this.#deps = deps;
  }

  /**
   * Stores items under dedup keys. With one key: all of them or none. With a key for
   * each: those of one partition all or none, with an outcome for each item.
   *
   * @returns what became of each item, in order.
   * @throws QueueError as `KeyedLoop.submit`, if there is one key. `invalid` if the
   *   queue's storages have no dedup keys.
   */
  async produce(request: KeyedProduce, options: WaitOptions): Promise<readonly ProducedItem[]> {
    const { partitions, queue } = this.#deps;
    const without = partitions.slice(0, spreadSize(queue())).find(({ keys }) => !keys.isSupported);
    if (without !== undefined) throw dedupMissing(without.state.storageName);
    const { items, keys, window } = request;
    if (typeof keys !== 'string') return this.#produceEach(items, keys, window, options);
    const partition = this.#partitionOf(keys);
    const [result] = await this.#store(partition, [{ key: keys, items }], window, options);
    return this.#outcomes(partition, items.length, result as KeyedItemsResult);
  }

  /** Stores the items of each partition together, in their order. */
  async #produceEach(
    items: readonly NewItem[],
    keys: readonly (string | undefined)[],
    window: Duration,
    options: WaitOptions,
  ): Promise<readonly ProducedItem[]> {
    const places = Map.groupBy(items.keys(), (place) => {
      const key = keys[place];
      return key === undefined ? undefined : this.#partitionOf(key);
    });
    const parts = [...places].map(async ([partition, at]) => ({
      at,
      outcomes: await this.#producePart(partition, at, { items, keys, window }, options),
    }));
    const produced: ProducedItem[] = [];
    for (const { at, outcomes } of await Promise.all(parts)) {
      for (const [n, place] of at.entries()) produced[place] = outcomes[n] as ProducedItem;
    }
    return produced;
  }

  /** @param at the places of the items, all of them for one partition; undefined: items without keys. */
  async #producePart(
    partition: number | undefined,
    at: readonly number[],
    { items, keys, window }: { readonly keys: readonly (string | undefined)[] } & Omit<KeyedProduce, 'keys'>,
    options: WaitOptions,
  ): Promise<readonly ProducedItem[]> {
    const part = at.map((place) => items[place] as NewItem);
    try {
      if (partition === undefined) {
        const { ids, partition: number } = await this.#deps.producePlain(part, options);
        return ids.map((id) => ({ id, partition: number, duplicate: false }));
      }
      const groups = part.map((item, n) => ({ key: keys[at[n] as number] as string, items: [item] }));
      const results = await this.#store(partition, groups, window, options);
      return results.flatMap((result) => this.#outcomes(partition, 1, result));
    } catch (error) {
      // An error without a reason is one of the request, such as a text that the storage refuses.
      if (!(error instanceof QueueError) || error.reason === undefined) throw error;
      return part.map(() => ({ error }));
    }
  }

  async #store(
    partition: number,
    groups: readonly KeyedItems[],
    window: Duration,
    options: WaitOptions,
  ): Promise<readonly KeyedItemsResult[]> {
    const active = this.#deps.partitions[partition] as ActivePartition;
    return (await active.keys.produce(groups, window, options)).groups;
  }

  /** @throws QueueError when the key is refused, or of other items than these. */
  #outcomes(partition: number, items: number, result: KeyedItemsResult): readonly ProducedItem[] {
    if (result.state === 'refused') throw tooManyKeys(this.#deps.limits.dedupKeys);
    const { ids, state } = result;
    if (ids.length < items) {
      // The others were never stored, and an answer for them would be wrong.
      throw invalid(
        errorText`dedup_key is invalid; it was stored with ${ids.length} items, and this request has ${items}`,
      );
    }
    return ids.slice(0, items).map((id) => ({ id, partition, duplicate: state === 'duplicate' }));
  }

  #partitionOf(key: string): number {
    return partitionInSpread(dedupSlot(key), spreadOf(this.#deps.queue()));
  }
}
