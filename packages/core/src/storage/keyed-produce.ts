import type { NewItem } from '../item/item.ts';
import type { ItemId } from '../item/item-id.ts';
import type { Duration } from '../time/duration.ts';
import type { ProduceResult } from './partition-calls.ts';

/** Items that one dedup key protects: stored together, or not at all. */
export interface KeyedItems {
  /** At least one character, at most `LIMITS.dedupKey` bytes. */
  readonly key: string;
  /** At least one, stored next to each other and in this order. */
  readonly items: readonly NewItem[];
}

/** One produce request with dedup keys. */
export interface KeyedProduceRequest {
  /** In the order in which they are stored. A key may appear twice: the second is a duplicate. */
  readonly groups: readonly KeyedItems[];
  /** How long the keys last from now. */
  readonly window: Duration;
}

/** Bounds and rules of one keyed produce. */
export interface KeyedProduceOptions {
  /** The queue's expire timeout. */
  readonly expireTimeout: Duration;
  /**
   * `refuse`: the queue holds as many keys as it may. Nothing is stored, and only
   * keys that the partition holds are answered.
   */
  readonly newKeys: 'store' | 'refuse';
}

/** What became of the items of one key. */
export type KeyedItemsResult =
  /** The items are stored, under these ids in their order. */
  | { readonly state: 'stored'; readonly ids: readonly ItemId[] }
  /**
   * An earlier produce with this key stored items, and its window has not ended.
   * `ids` are the ids that its items got then, however many they were.
   */
  | { readonly state: 'duplicate'; readonly ids: readonly ItemId[] }
  /** The key is new, and new keys are refused. */
  | { readonly state: 'refused' };

/** The result of one keyed request. The counts are those of the stored items. */
export interface KeyedProduceResult extends ProduceResult {
  /** One per group, in order. */
  readonly groups: readonly KeyedItemsResult[];
}

/** The result of a removal of ended keys. */
export interface KeySweepResult {
  /** Keys that were removed. */
  readonly removed: number;
  /**
   * Milliseconds until the window of the next key ends, by the storage's clock; 0
   * if the limit cut the removal short. Undefined if the partition holds no key.
   */
  readonly nextEndMs: number | undefined;
}
