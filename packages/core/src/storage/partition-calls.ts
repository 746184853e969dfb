import type { LeasedItem, NewItem, RetriedItem, StoredItem } from '../item/item.ts';
import type { ItemId } from '../item/item-id.ts';
import type { Duration } from '../time/duration.ts';
import type { Outcome } from './outcome.ts';

/** The items of one produce request, to be stored together and in this order. */
export interface ProduceRequest {
  readonly items: readonly NewItem[];
  /** Whether the result has the ids of the items. */
  readonly returnIds?: boolean | undefined;
}

/** The states in which the items of one produce request were stored. */
export interface ProduceResult {
  /** Items available to consumers at once. */
  readonly waiting: number;
  /** Items that become available at their `enqueueAt`. */
  readonly scheduled: number;
  /** The ids of the items, in order, if the request asks for them. */
  readonly ids?: readonly ItemId[] | undefined;
}

/** The result of a produce for waiting consumers. */
export interface ProduceAndLeaseResult {
  /** One per request, in order. `waiting` does not count the leased items. */
  readonly outcomes: readonly Outcome<ProduceResult>[];
  /** The leased items: the first of those stored, in id order. */
  readonly leased: readonly LeasedItem[];
}

/** The sum of all lease requests of a batch. */
export interface LeaseBatch {
  /** The most items to lease; at least 1. */
  readonly limit: number;
  /** How long the lease lasts from now. */
  readonly leaseTimeout: Duration;
  /** Whether the leased items have `createdAt` and their details. A partition that keeps no metadata ignores it. */
  readonly details?: boolean | undefined;
}

/** The leased items that one complete request names. */
export interface CompleteRequest {
  /** Without duplicates. May contain malformed ids. */
  readonly ids: readonly ItemId[];
}

/** The leased items of one retry request. */
export interface RetryRequest {
  /** No id twice. May contain malformed ids. */
  readonly items: readonly RetriedItem[];
}

/** The rules of a queue that decide when an item is dead, and what happens to it. */
export interface DeathRules {
  /** How often an item may be leased; 0 means without limit. */
  readonly maxAttempts: number;
  /** `move`: a dead item stays until it is moved to the dead-letter queue. `delete`: it is deleted. */
  readonly dead: 'move' | 'delete';
}

/** The states in which one retry request left its items. */
export interface RetryResult {
  /** Available at the tail of the queue. */
  readonly waiting: number;
  /** Available at their `retryAt`. */
  readonly scheduled: number;
  /** Dead, to be moved to the dead-letter queue. The next sweep reports them. */
  readonly moving: number;
  readonly deleted: number;
}

/** A page of items in id order. */
export interface ItemListRequest {
  /**
   * `queued`: waiting, leased and moving items. `scheduled`: only scheduled
   * items. `prepared`: only prepared letters, shown as leased until their
   * timeout.
   */
  readonly state: 'queued' | 'scheduled' | 'prepared';
  /** The page starts at this id, or at the next greater one. Empty: at the first item. */
  readonly pivot: string;
  /** The most items of a page; at least 1. */
  readonly limit: number;
  /**
   * The page ends with the item at which the contents (payloads and texts) reach
   * this many bytes. It never ends before its second item: a caller that continues
   * at the last id gets that item again, and must still make progress. The driver
   * does not read items beyond the page. Undefined: only `limit` counts.
   */
  readonly maxBytes?: number | undefined;
  /** Whether the items have their details, if the partition keeps metadata. */
  readonly details?: boolean | undefined;
}

/** The items of a partition, counted by the storage at one moment. */
export interface PartitionStats {
  /** Items available to consumers. */
  readonly waiting: number;
  /** Leased and moving items, without prepared letters. */
  readonly leased: number;
  readonly scheduled: number;
  /** Mean time since the waiting and leased items entered the partition; 0 if there are none. */
  readonly averageAge: Duration;
  /** Time since the oldest waiting item entered the partition; 0 if none waits. */
  readonly headAge: Duration;
  /** Mean time left of the leases, without moving items; 0 if there are none, negative if overdue. */
  readonly averageLeaseLeft: Duration;
  /** Whether a count is an estimate, which only `CountOptions.mayEstimate` allows. Undefined: no. */
  readonly estimated?: boolean | undefined;
}

/** What a list of queues shows of a partition. */
export type PartitionCounts = Pick<PartitionStats, 'waiting' | 'leased' | 'scheduled' | 'headAge'>;

/** What a probe found besides that the partition can serve. */
export interface ProbeResult {
  /**
   * Why the partition keeps no metadata at the moment, and what an operator can do.
   * Undefined: it keeps it.
   */
  readonly metadataFault: string | undefined;
}

/**
 * How long a count may take, and what it may do. A count that is ended early fails with a
 * `StorageError` with `gaveUp`.
 */
export interface CountOptions {
  /** The driver may give up after this many milliseconds. Undefined: the driver decides. */
  readonly limitMs?: number | undefined;
  /** Aborted once no caller waits for the count. Then the driver may end it. */
  readonly signal?: AbortSignal | undefined;
  /** Create nothing, as for a queue that is deleted: a partition that was never used is empty. Default: false. */
  readonly createNothing?: boolean | undefined;
  /**
   * For people who compare many queues. Counts of more than a few thousand items may be
   * estimates, mostly to a tenth, if that is much cheaper. The averages may be 0.
   * Default: false.
   */
  readonly mayEstimate?: boolean | undefined;
}

/**
 * An item as a search showed it. It has not changed if it is still in that state and has
 * as many attempts: no consumer has leased it since.
 */
export interface SeenItem {
  readonly id: ItemId;
  readonly state: 'waiting' | 'leased' | 'scheduled';
  readonly attempts: number;
}

/** Which items to remove. */
export interface ClearRequest {
  readonly waiting: boolean;
  readonly leased: boolean;
  readonly scheduled: boolean;
}

/** Bounds and rules of one sweep. */
export interface SweepRequest extends DeathRules {
  /**
   * The most scheduled, overdue and expired items to process, each counted
   * separately; at least 1. Moving items, marked or not, count as overdue or
   * expired ones.
   */
  readonly limit: number;
  /** How long reported items are claimed by the caller. Other sweeps do not report them meanwhile. */
  readonly claimTimeout: Duration;
}

/** Which items are marked as moved. Each item appears once; the order is undefined. */
export interface MarkResult {
  /** Items that this call marked. */
  readonly marked: readonly ItemId[];
  /** Items that an earlier call marked. */
  readonly markedBefore: readonly ItemId[];
}

/** Timeouts of the letters that arrive from another queue. */
export interface LetterTimeouts {
  /** The expire timeout of the queue that takes the letters. */
  readonly expireTimeout: Duration;
  /** A sweep makes a letter available that is still prepared after this time. */
  readonly autoCommitTimeout: Duration;
}

/** The result of a sweep. */
export interface SweepResult {
  /** Scheduled items that became available at the tail. */
  readonly enqueued: number;
  /** Items whose lease ended and that became available at the tail. */
  readonly requeued: number;
  /** Dead items that were deleted. */
  readonly deleted: number;
  /**
   * Dead items for the caller to move, in undefined order. They stay stored, and
   * no consumer gets them. The caller prepares their letters in the dead-letter
   * queue and then calls `markMoved`.
   */
  readonly dead: readonly StoredItem[];
  /**
   * Items marked as moved whose move did not finish. The caller commits their
   * letters and then calls `remove`.
   */
  readonly moved: readonly ItemId[];
  /**
   * Milliseconds until the next deadline, by the storage's clock. 0 if the limit
   * or the payload budget cut this sweep short. Undefined if nothing is pending.
   */
  readonly nextDueMs: number | undefined;
}
