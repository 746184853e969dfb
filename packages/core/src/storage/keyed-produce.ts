import type { LeasedItem, NewItem } from '../item/item.ts';
import type { ItemId } from '../item/item-id.ts';
import type { Duration } from '../time/duration.ts';
import type { CarriedKey, CarriedKeys } from './move-store.ts';
import type { Outcome } from './outcome.ts';
import type { CountOptions, LeaseBatch, ProduceResult } from './partition-calls.ts';

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
   *
   * `find`: the same, for keys that belong elsewhere by now. Such a call adds no items, so a
   * partition that is to leave its queue takes it. One that has left fails as for a call that writes.
   */
  readonly newKeys: 'store' | 'refuse' | 'find';
  /**
   * The number of the change by which the caller has chosen the partition of the keys. Undefined: 0. A
   * partition with a fence of a later one stores nothing; see `MoveStore.fenceKeys`.
   */
  readonly keySpread?: number | undefined;
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

/** The result of a keyed produce for waiting consumers. */
export interface KeyedProduceAndLeaseResult {
  /** One per request, in order. `waiting` does not count the leased items. */
  readonly outcomes: readonly Outcome<KeyedProduceResult>[];
  /** The leased items: some of those stored now, in id order. */
  readonly leased: readonly LeasedItem[];
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

/** A page of the dedup keys of a partition. */
export interface KeysRequest {
  /** The last key of the page before. Undefined: from the first key. */
  readonly after: string | undefined;
  /** The most keys to read, at least 1. */
  readonly limit: number;
}

/** A page of keys ends once they have so many ids together. */
export const KEYS_PAGE_IDS = 50_000;

/** The part of `PartitionStore` for dedup keys. Its rules hold here too. */
export interface KeyedStore {
  /**
   * Produces items under dedup keys. The items of a key are stored as `produce`
   * stores them, together with the key, unless the partition holds the key: then
   * they are duplicates, whatever their content, and nothing of them is stored.
   *
   * - A key lasts for the window of the request that stored it, from then on and by
   *   the storage's clock. A duplicate does not prolong it. After the window the
   *   partition counts as not holding the key.
   * - A key lasts also if its items were leased, completed, cleared or died. It ends
   *   with the partition.
   * - Items and key are durable at the same moment: after a failure both are there,
   *   or neither. So a request whose outcome is `unknown` may be repeated.
   * - Of concurrent calls with the same new key, in any process, one stores its
   *   items. The others wait for its outcome.
   * - The groups of one request are stored all or not at all. If one of two requests
   *   of a batch names a key of the other, the first one stores.
   *
   * Undefined if the driver does not claim `dedup`.
   */
  produceKeyed?(
    requests: readonly KeyedProduceRequest[],
    options: KeyedProduceOptions,
  ): Promise<readonly Outcome<KeyedProduceResult>[]>;

  /**
   * Produces items under dedup keys for waiting consumers: as `produceKeyed`, and as
   * `produceAndLease` it stores the first new items as leased if no item waits. Nothing
   * of a duplicate is leased. If some of the items are duplicates, fewer items than
   * `lease.limit` may be leased although new ones wait.
   *
   * Undefined if the driver has nothing faster than a produce and a lease.
   */
  produceKeyedAndLease?(
    requests: readonly KeyedProduceRequest[],
    options: KeyedProduceOptions,
    lease: LeaseBatch,
  ): Promise<KeyedProduceAndLeaseResult>;

  /**
   * Removes keys whose window has ended, the oldest first, at most `limit`. Nothing
   * depends on when it is called but the storage that ended keys take. A partition
   * that never had a key costs nothing.
   *
   * Undefined if the driver does not claim `dedup`.
   */
  sweepKeys?(limit: number): Promise<KeySweepResult>;

  /**
   * Counts the keys that the partition holds, with those that ended and were not
   * removed yet. May read all of them, as `stats` does with items.
   *
   * Undefined if the driver does not claim `dedup`.
   */
  countKeys?(options?: CountOptions): Promise<number>;

  /**
   * Reads keys whose window has not ended, in byte order. A page ends at the limit or
   * after the key that takes it to `KEYS_PAGE_IDS` ids; keys that ended and were not removed yet count for the
   * limit, and are left out. Creates nothing.
   *
   * Undefined if the driver does not claim `dedup`.
   */
  readKeys?(request: KeysRequest): Promise<CarriedKeys>;

  /**
   * Stores keys as another storage had them: with the ids that their items got there. They last until their
   * `endsAt` by this storage's clock. A key that the partition holds stays as it is, and one that has
   * ended is left out. All others are stored, or none. No key is named twice, and the ids of a key have numbers in a row.
   *
   * Undefined if the driver does not claim `dedup`.
   *
   * @param options `keySpread` as that of a keyed produce.
   * @returns how many are stored now.
   * @throws QueueError `invalid` if the storage cannot store a key.
   */
  storeKeys?(keys: readonly CarriedKey[], options?: Pick<KeyedProduceOptions, 'keySpread'>): Promise<number>;
}
