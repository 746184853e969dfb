import type { ImportedItem, StoredItem } from '../item/item.ts';
import type { Duration } from '../time/duration.ts';

/** Items of an import that one dedup key protects: stored together, or not at all. */
export interface KeyedImportItems {
  /** At least one character, at most `LIMITS.dedupKey` bytes. */
  readonly key: string;
  /** At least one, stored next to each other and in this order. */
  readonly items: readonly ImportedItem[];
}

/** An import with dedup keys. */
export interface KeyedImport {
  /** No key appears twice. They have at most `LIMITS.keyedImportBatch` items together. */
  readonly groups: readonly KeyedImportItems[];
  /** How long the keys last from now. */
  readonly window: Duration;
  /** The queue's expire timeout. */
  readonly expireTimeout: Duration;
}

/** The outcome of one key: the stored items in their order, undefined for those left out. */
export type KeyedImportResult = readonly (StoredItem | undefined)[];

/** The part of a `PartitionStore` that imports items under dedup keys. */
export interface KeyedImportStore {
  /**
   * Imports items under dedup keys. The items of a key are stored as `import` stores
   * them, together with the key, unless the partition holds the key: then all of them
   * are left out. The keys are those of `produceKeyed`, and what is said there of
   * windows, durability and concurrent calls holds here. All groups are stored, or none.
   *
   * Undefined if the driver does not claim `dedup`.
   *
   * @throws QueueError `invalid`, as `import` does.
   * @returns the outcomes of the groups, in order.
   */
  importKeyed?(request: KeyedImport): Promise<readonly KeyedImportResult[]>;
}
