import type { Instant, ItemId, LeasedItem } from '@querator/core';

/** A leased item, from the lease until its result was sent. */
export interface HeldItem {
  /** Read before the handler gets the item, because a handler may change the object. */
  readonly id: ItemId;
  readonly attempts: number;
  readonly partition: number;
  readonly item: LeasedItem;
  /** When the lease ends, by the server's clock. Undefined: the server did not say. */
  leaseDeadline: Instant | undefined;
  /** When the lease is to be renewed, by the local clock. Undefined: it is not. */
  renewAt: Instant | undefined;
  /** Whether the server said that the item is leased no longer. */
  isLost: boolean;
  /** Whether the lease deadline has passed, or the item is lost. */
  hasEnded: boolean;
  /** Whether a result is being sent, or was sent. */
  hasResult: boolean;
  /** Aborts the signal of the handler. Set once the handler has started. */
  ending: AbortController | undefined;
}
