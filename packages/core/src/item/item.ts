import type { Duration } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';
import type { Death, ImportedDetails, ItemDetails, Metadata } from './item-details.ts';
import type { ItemId } from './item-id.ts';

/** The producer's part of an item. It never changes, and Querator never interprets it. */
export interface ItemContent {
  /** Free text for the encoding of the payload. */
  readonly encoding: string;
  /** Free text for the kind of the payload. */
  readonly kind: string;
  /** Free text chosen by the producer, such as an account. */
  readonly reference: string;
  readonly payload: Uint8Array;
}

/** An item to be added to a queue. */
export interface NewItem extends ItemContent {
  /** When the item becomes available to consumers. Undefined: at once. */
  readonly enqueueAt?: Instant | undefined;
  /**
   * Kept with the item. Within the limits of `LIMITS`, without U+0000. Never empty.
   * Undefined: none. Only for partitions that keep details.
   */
  readonly metadata?: Metadata | undefined;
}

/** An item that a consumer owns until the lease ends. */
export interface LeasedItem extends ItemContent {
  readonly id: ItemId;
  /** How often the item has been leased, including this lease. */
  readonly attempts: number;
  /** When this lease ends. */
  readonly leaseDeadline: Instant;
  /** When the item entered this partition. Set if the lease asked for details. */
  readonly createdAt?: Instant | undefined;
  /** Set if the lease asked for them. */
  readonly details?: ItemDetails | undefined;
}

/** An item as stored in a partition. */
export interface StoredItem extends ItemContent {
  readonly id: ItemId;
  /** The id in the queue that the item came from; unique in a partition. Set for dead-lettered items. */
  readonly sourceId?: ItemId | undefined;
  readonly isLeased: boolean;
  /** When the current lease ends. For an item that is not leased: the value of its import. */
  readonly leaseDeadline?: Instant | undefined;
  /** After this time the item is expired. */
  readonly expireDeadline: Instant;
  /** When a scheduled item becomes available. Undefined for other items. */
  readonly enqueueAt?: Instant | undefined;
  /** When the item entered this partition. */
  readonly createdAt: Instant;
  readonly attempts: number;
  /** The item's own limit. It is stored and listed, but the queue's limit applies. */
  readonly maxAttempts: number;
  /** Of dead items that a sweep reports, and in lists that ask for them, if the partition keeps details. */
  readonly details?: ItemDetails | undefined;
  /** Only of dead items that a sweep reports, if the partition keeps details. */
  readonly death?: Death | undefined;
}

/**
 * An item to be stored in the given state; only its id and `createdAt` are new.
 * An item that is leased without a `leaseDeadline` is overdue. An item with an
 * `enqueueAt` is scheduled and not leased.
 */
export interface ImportedItem extends ItemContent {
  readonly sourceId?: ItemId | undefined;
  readonly isLeased: boolean;
  readonly leaseDeadline?: Instant | undefined;
  /** Undefined: the time of the import plus the queue's expire timeout. */
  readonly expireDeadline?: Instant | undefined;
  readonly enqueueAt?: Instant | undefined;
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Undefined: none. Left out by a partition that keeps no details. */
  readonly details?: ImportedDetails | undefined;
}

/** A dead item that is being moved to the dead-letter queue. */
export interface DeadLetter extends ItemContent {
  /** The id of the dead item. A second copy is detected by it. */
  readonly sourceId: ItemId;
  /**
   * Of the copy of a scheduled item: when it becomes available, by the clock of the storage that
   * gets it. Undefined: once it is committed. Only for partitions that keep details.
   */
  readonly dueAt?: Instant | undefined;
  /** Undefined: none. Left out by a partition that keeps no details. */
  readonly details?: ItemDetails | undefined;
}

/** A leased item that its consumer retries. */
export interface RetriedItem {
  readonly id: ItemId;
  /**
   * When the item becomes available again. Undefined, past or within the schedule
   * threshold: at once. The `expireDeadline` stays: an item that is due after it
   * is dead.
   */
  readonly retryAt?: Instant | undefined;
  /** The consumer gives up on the item: it goes to the dead-letter queue. */
  readonly dead: boolean;
  /**
   * Why the consumer did not complete the item. Kept with it, instead of an earlier
   * error. At most `LIMITS.itemError` bytes, without U+0000. Undefined: an earlier
   * error stays. Only for partitions that keep details.
   */
  readonly error?: string | undefined;
}

/** A leased item whose consumer needs it for longer. */
export interface ExtendedItem {
  readonly id: ItemId;
  /** How long the lease lasts from now. */
  readonly leaseTimeout: Duration;
  /**
   * The lease is not extended any more once this much time has passed since its
   * first extension with a `maxHold`. Undefined: without a bound. Only for partitions
   * that keep details.
   */
  readonly maxHold?: Duration | undefined;
}
