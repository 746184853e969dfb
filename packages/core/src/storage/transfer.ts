import type { ItemId } from '../item/item-id.ts';
import type { Duration } from '../time/duration.ts';

/** Which items go to another partition of the same storage. */
export interface TransferRequest {
  /** At most 1,000, none twice, in any order. May contain malformed ids. */
  readonly ids: readonly ItemId[];
  /** Items in another state stay. */
  readonly state: 'waiting' | 'scheduled';
  /** The `transferTarget` of another partition. */
  readonly target: object;
  /** The expire timeout of the target's queue. */
  readonly expireTimeout: Duration;
}

/** What became of the ids of a transfer. Ids in neither list were not in the asked state. */
export interface TransferResult {
  /** Those whose items are in the target now, in order. */
  readonly transferred: readonly ItemId[];
  /**
   * Those whose items stay for the moment: the call ended at the payload
   * budget, or a sweep was at work. The caller asks again.
   */
  readonly left: readonly ItemId[];
}

/** Moves of items to another partition of the same storage; part of `PartitionStore`. */
export interface TransferStore {
  /**
   * Takes items of this partition and adds them at the tail of another one, in the order of their
   * ids: all that it takes, or none. Waits for items that another call is changing.
   *
   * A transferred item is new in the target: new id, `createdAt` now, 0 attempts, and the target's
   * expire timeout from now. A scheduled one keeps its `enqueueAt`; its life begins then, or now if
   * that is later. Its content, `maxAttempts` and details stay. It has no source id: that of a
   * letter is free again.
   *
   * Stops once the contents (payloads and texts) add up to at least `PAYLOAD_BUDGET`.
   *
   * @returns undefined if the target is on another storage. Nothing has changed then.
   * @throws QueueError `metadataUnavailable` if one of the partitions keeps no metadata.
   */
  transfer?(request: TransferRequest): Promise<TransferResult | undefined>;

  /** This partition as the target of a `transfer`. Only its driver reads it. */
  readonly transferTarget?: object;
}
