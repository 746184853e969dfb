import {
  type Duration,
  dedupMissing,
  errorText,
  type Instant,
  type ItemId,
  invalid,
  type KeyedItems,
  type KeyedItemsResult,
  millisecondsBetween,
  type NewItem,
  QueueError,
} from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import { KeysMoved } from '../loops/keys-moved.ts';
import type { Produced } from '../loops/produce-loop.ts';
import { tooManyKeys } from '../partition/key-limit.ts';
import { keyPartitions, keySpreadOf, partitionOfKey } from '../partition/key-places.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import type { WaitOptions } from '../waiting/pending-request.ts';
import type { ActivePartition } from './active-partition.ts';
import { EarlierKeys } from './earlier-keys.ts';

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
  readonly engine: Pick<EngineDeps, 'clock' | 'limits'>;
  readonly hooks: Pick<QueueHooks, 'queue' | 'failed'>;
  readonly partitions: readonly ActivePartition[];
  /** Runs a storage call that the stop of the queue waits for. Throws QueueError `failed` once the queue stops. */
  readonly call: <T>(call: () => Promise<T>) => Promise<T>;
  /** Produces items without keys. */
  readonly producePlain: (items: readonly NewItem[], options: WaitOptions) => Promise<Produced>;
}

/** What became of the items of a key, and the partition that has them. */
interface KeyedOutcome {
  readonly partition: number;
  readonly result: KeyedItemsResult;
}

/** Produces with dedup keys: finds the partition of each key. */
export class KeyedProduces {
  readonly #deps: KeyedProducesDeps;
  readonly #earlier: EarlierKeys;

  constructor(deps: KeyedProducesDeps) {
    this.#deps = deps;
    this.#earlier = new EarlierKeys(deps);
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
    const { partitions, hooks } = this.#deps;
    const without = partitions.slice(0, keyPartitions(hooks.queue())).find(({ keys }) => !keys.isSupported);
    if (without !== undefined) throw dedupMissing(without.state.storageName);
    const { items, keys, window } = request;
    if (typeof keys !== 'string') return this.#produceEach(items, keys, window, options);
    const [outcome] = await this.#untilSettled(options, (left) => {
      const partition = partitionOfKey(hooks.queue(), keys);
      return this.#store(partition, [{ key: keys, items }], window, left);
    });
    return this.#outcomes(items.length, outcome as KeyedOutcome);
  }

  /** Stores the items of each partition together, in their order. */
  async #produceEach(
    items: readonly NewItem[],
    keys: readonly (string | undefined)[],
    window: Duration,
    options: WaitOptions,
  ): Promise<readonly ProducedItem[]> {
    const queue = this.#deps.hooks.queue();
    const places = Map.groupBy(items.keys(), (place) => {
      const key = keys[place];
      return key === undefined ? undefined : partitionOfKey(queue, key);
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
    const start = this.#deps.engine.clock.now();
    const part = at.map((place) => items[place] as NewItem);
    try {
      if (partition === undefined) {
        const { ids, partition: number } = await this.#deps.producePlain(part, options);
        return ids.map((id) => ({ id, partition: number, duplicate: false }));
      }
      const groups = part.map((item, n) => ({ key: keys[at[n] as number] as string, items: [item] }));
      const outcomes = await this.#store(partition, groups, window, options);
      return outcomes.flatMap((outcome) => this.#outcomes(1, outcome));
    } catch (error) {
      if (error instanceof KeysMoved) {
        const partKeys = at.map((place) => keys[place]);
        return this.#produceEach(part, partKeys, window, this.#left(options, start));
      }
      // An error without a reason is one of the request, such as a text that the storage refuses.
      if (!(error instanceof QueueError) || error.reason === undefined) throw error;
      return part.map(() => ({ error }));
    }
  }

  /**
   * Stores groups that belong to one partition. Keys of before the queue was resized may be in another one.
   *
   * @throws KeysMoved if they belong elsewhere by now. Then nothing was stored.
   */
  async #store(
    partition: number,
    groups: readonly KeyedItems[],
    window: Duration,
    options: WaitOptions,
  ): Promise<readonly KeyedOutcome[]> {
    const { engine, hooks } = this.#deps;
    const queue = hooks.queue();
    const keySpread = keySpreadOf(queue);
    if (queue.resizes?.keys === undefined) {
      return this.#storeNew(partition, groups, { window, keySpread }, options);
    }
    const start = engine.clock.now();
    const found = await this.#earlier.find(queue, groups, options.timeoutMs);
    if (keySpread !== keySpreadOf(hooks.queue())) throw new KeysMoved();
    const fresh = groups.filter((_, n) => found[n] === undefined);
    const left = this.#left(options, start);
    const stored =
      fresh.length === 0 ? [] : await this.#storeNew(partition, fresh, { window, keySpread }, left);
    const rest = stored.values();
    return found.map((held) => {
      if (held === undefined) return rest.next().value as KeyedOutcome;
      return { partition: held.partition, result: { state: 'duplicate', ids: held.ids } };
    });
  }

  async #storeNew(
    partition: number,
    groups: readonly KeyedItems[],
    how: { readonly window: Duration; readonly keySpread: number },
    options: WaitOptions,
  ): Promise<readonly KeyedOutcome[]> {
    const active = this.#deps.partitions[partition] as ActivePartition;
    const { groups: results } = await active.keys.produce(groups, how, options);
    return results.map((result) => ({ partition, result }));
  }

  /** Repeats a produce while its keys move to another partition. */
  async #untilSettled<T>(options: WaitOptions, produce: (left: WaitOptions) => Promise<T>): Promise<T> {
    const start = this.#deps.engine.clock.now();
    for (let left = options; ; left = this.#left(options, start)) {
      try {
        return await produce(left);
      } catch (error) {
        if (!(error instanceof KeysMoved)) throw error;
      }
    }
  }

  /** The rest of the time of a request. */
  #left(options: WaitOptions, start: Instant): WaitOptions {
    const tookMs = millisecondsBetween(start, this.#deps.engine.clock.now());
    return { ...options, timeoutMs: Math.max(options.timeoutMs - tookMs, 0) };
  }

  /** @throws QueueError when the key is refused, or of other items than these. */
  #outcomes(items: number, { partition, result }: KeyedOutcome): readonly ProducedItem[] {
    if (result.state === 'refused') throw tooManyKeys(this.#deps.engine.limits.dedupKeys);
    const { ids, state } = result;
    if (ids.length < items) {
      // The others were never stored, and an answer for them would be wrong.
      throw invalid(
        errorText`dedup_key is invalid; it was stored with ${ids.length} items, and this request has ${items}`,
      );
    }
    return ids.slice(0, items).map((id) => ({ id, partition, duplicate: state === 'duplicate' }));
  }
}
