/** Removes a partition; part of `PartitionStore`. */
export interface RemovableStore {
  /**
   * Waits until a `drop` can get its locks at once. Other calls continue
   * meanwhile, and this one delays none of them by more than a fraction of a
   * second. Changes nothing and guarantees nothing: the drop may still wait.
   *
   * Undefined if a drop never waits for locks.
   *
   * @throws StorageError if the wait takes too long, with `locked` if another
   *   session holds the partition; the message names it. Also if a drop would fail.
   */
  untilDroppable?(): Promise<void>;

  /**
   * Removes the partition if it holds nothing: no item in any state, no prepared
   * letter. Otherwise changes nothing. Its dedup keys stay until `drop`. Items that
   * belong to another queue than the store's `owner` stay, and do not count.
   *
   * Of a concurrent call that stores an item, exactly one holds:
   * - It came first. Then the partition is not removed.
   * - It came later. Then it has to create the partition anew, asks the owner's
   *   `isThere` once the partition exists, and fails without effect if the answer is no.
   *
   * A process that finds the partition without having stored an item in it asks
   * too, since its creator may not have asked yet.
   *
   * Undefined if the driver cannot.
   *
   * @returns whether nothing is left: also true if there was no partition.
   * @throws StorageError as `drop`.
   */
  dropEmpty?(): Promise<boolean>;

  /**
   * Removes the partition with all its items and dedup keys. The next call starts
   * an empty one. Items that belong to another queue than the store's `owner` stay.
   */
  drop(): Promise<void>;
}
