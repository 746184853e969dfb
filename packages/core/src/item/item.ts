import type { Instant } from '../time/instant.ts';
import type { ItemId } from './item-id.ts';

/** What a producer says about an item. None of it ever changes, and none of it is looked into. */
export interface ItemContent {
  /** Free text: how the payload is encoded. */
  readonly encoding: string;
  /** Free text: what kind of payload it is. */
  readonly kind: string;
  /** Free text chosen by the producer, such as an account. */
  readonly reference: string;
  readonly payload: Uint8Array;
}

/** An item to be added to a queue. */
export interface NewItem extends ItemContent {
  /** When it is to become available to consumers; absent: at once. */
  readonly enqueueAt?: Instant | undefined;
}

/** An item handed to a consumer until the lease ends. */
export interface LeasedItem extends ItemContent {
  readonly id: ItemId;
  /** How often the item has been leased, this time included. */
  readonly attempts: number;
  /** When this lease ends. */
  readonly leaseDeadline: Instant;
}

/** An item as a partition holds it. */
export interface StoredItem extends ItemContent {
  readonly id: ItemId;
  /** The id it had in the queue it was moved from; unique in a partition. Set for dead-lettered items. */
  readonly sourceId?: ItemId | undefined;
  readonly isLeased: boolean;
  /** When the current lease ends; for an item that is not leased, what it was imported with. */
  readonly leaseDeadline?: Instant | undefined;
  /** When the item has been in the queue for too long. */
  readonly expireDeadline: Instant;
  /** When a scheduled item becomes available; absent when it is not scheduled. */
  readonly enqueueAt?: Instant | undefined;
  /** When the item entered this partition. */
  readonly createdAt: Instant;
  readonly attempts: number;
  /** A limit of the item's own. Stored and listed; the queue's limit is the one in force. */
  readonly maxAttempts: number;
}

/**
 * An item to be put into a partition as it is, apart from its id and
 * `createdAt`. One that is leased without a `leaseDeadline` is overdue; one
 * with an `enqueueAt` is scheduled, and then not leased.
 */
export interface ImportedItem extends ItemContent {
  readonly sourceId?: ItemId | undefined;
  readonly isLeased: boolean;
  readonly leaseDeadline?: Instant | undefined;
  /** Absent: the time of the import plus the queue's expire timeout. */
  readonly expireDeadline?: Instant | undefined;
  readonly enqueueAt?: Instant | undefined;
  readonly attempts: number;
  readonly maxAttempts: number;
}

/** A dead item on its way into the dead-letter queue. */
export interface DeadLetter extends ItemContent {
  /** The id it died under, by which a second copy is recognised. */
  readonly sourceId: ItemId;
}

/** One leased item a consumer gives back. */
export interface RetriedItem {
  readonly id: ItemId;
  /**
   * When to offer it again; absent, past or near: at once. Its time in the queue
   * runs on: later than its `expireDeadline`, it is dead when it comes due.
   */
  readonly retryAt?: Instant | undefined;
  /** The consumer gives up on it: it goes to the dead-letter queue. */
  readonly dead: boolean;
}
