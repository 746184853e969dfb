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
