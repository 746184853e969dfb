import type { LeasedItem } from '@querator/core';
import type { RenewedItem } from '../renewal/renewal.ts';

/** A leased item, from the lease until its result was sent. Its `id` is read before the handler may change the item. */
export interface HeldItem extends RenewedItem {
  readonly attempts: number;
  readonly item: LeasedItem;
  /** Whether the server said that the item is leased no longer. */
  isLost: boolean;
  /** Whether the lease deadline has passed, or the item is lost. */
  hasEnded: boolean;
  /** Whether a result is being sent, or was sent. */
  hasResult: boolean;
  /** Aborts the signal of the handler. Set once the handler has started. */
  ending: AbortController | undefined;
}
