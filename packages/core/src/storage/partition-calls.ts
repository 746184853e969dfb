import type { LeasedItem, NewItem, RetriedItem, StoredItem } from '../item/item.ts';
import type { ItemId } from '../item/item-id.ts';
import type { Duration } from '../time/duration.ts';
import type { Outcome } from './outcome.ts';

/** The items of one produce request, to be stored together, in this order. */
export interface ProduceRequest {
  readonly items: readonly NewItem[];
}

/** Where the items of one produce request went. */
export interface ProduceResult {
  /** Items available to consumers at once. */
  readonly waiting: number;
  /** Items that wait for their time. */
  readonly scheduled: number;
}

/** What became of items that consumers wait for. */
export interface ProduceAndLeaseResult {
  /** One per request, in order. `waiting` does not count the leased items. */
  readonly outcomes: readonly Outcome<ProduceResult>[];
  /** The items that were leased: the first of those stored, in id order. */
  readonly leased: readonly LeasedItem[];
}

/** What all lease requests of a batch want together. */
export interface LeaseBatch {
  /** At most so many items; at least 1. */
  readonly limit: number;
  /** How long the lease lasts from now. */
  readonly leaseTimeout: Duration;
}

/** The leased items one complete request names. */
export interface CompleteRequest {
  /** No id twice. May hold texts that are no ids. */
  readonly ids: readonly ItemId[];
}

/** The leased items one retry request gives back. */
export interface RetryRequest {
  /** No id twice. May hold texts that are no ids. */
  readonly items: readonly RetriedItem[];
}

/** The rules of the queue that decide whether a retried item is dead. */
export interface DeathRules {
  /** How often an item may be leased; 0: without limit. */
  readonly maxAttempts: number;
  /** What becomes of a dead item: kept aside until it is moved to the dead-letter queue, or deleted. */
  readonly dead: 'move' | 'delete';
}

/** Where the items of one retry request went. */
export interface RetryResult {
  /** Back at the tail of the queue, available. */
  readonly waiting: number;
  /** Waiting for their time. */
  readonly scheduled: number;
  /** Kept aside; the next sweep reports them. */
  readonly moving: number;
  readonly deleted: number;
}

/** A page of items in order of their ids. */
export interface ItemListRequest {
  /**
   * `queued`: waiting and leased ones. `scheduled`: only those that wait for
   * their time. `prepared`: only prepared letters, shown as leased until
   * their hold ends.
   */
  readonly state: 'queued' | 'scheduled' | 'prepared';
  /** The page starts with this id, or where it is gone, with the next greater one; empty: from the first. */
  readonly pivot: string;
  /** At most so many; at least 1. */
  readonly limit: number;
  /**
   * The page ends with the item at which the contents (payloads and texts) add
   * up to so many bytes, but not before its second item: who goes on from the
   * last id gets that item once more, and has to get further. What the page
   * leaves out is not read either. Absent: only `limit` counts.
   */
  readonly maxBytes?: number | undefined;
}

/** What a partition holds, counted by the storage at one moment. */
export interface PartitionStats {
  /** Items available to consumers. */
  readonly waiting: number;
  /** Items somebody holds a lease on, and those kept aside for the dead-letter queue; no prepared letters. */
  readonly leased: number;
  readonly scheduled: number;
  /** Mean time since the waiting and leased items entered the partition; 0 when there are none. */
  readonly averageAge: Duration;
  /** Time since the waiting item that is next in line entered the partition; 0 when none waits. */
  readonly headAge: Duration;
  /**
   * Mean time left of the leases, moving items left out; 0 when there are
   * none, negative when they are overdue.
   */
  readonly averageLeaseLeft: Duration;
}

/** How long a count may take. One that is ended for it fails with a `StorageError` that says `gaveUp`. */
export interface CountOptions {
  /** The driver may give up after so many milliseconds; absent: after as long as it sees fit. */
  readonly limitMs?: number | undefined;
  /** Once it is aborted nobody waits for the count any more: the driver may end it. */
  readonly signal?: AbortSignal | undefined;
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
   * At most so many scheduled, so many overdue and so many expired items are
   * worked on; at least 1. Moving ones go with the overdue or the expired
   * ones, marked as moved or not.
   */
  readonly limit: number;
  /** How long items reported as dead or moved stay the caller's, before another sweep may report them again. */
  readonly claimTimeout: Duration;
}

/** Which items are marked as moved; each once, in no order. */
export interface MarkResult {
  /** Those that this call has marked. */
  readonly marked: readonly ItemId[];
  /** Those that an earlier call had marked. */
  readonly markedBefore: readonly ItemId[];
}

/** How letters are stored that come from another queue. */
export interface LetterTimeouts {
  /** The expire timeout of the queue they come to. */
  readonly expireTimeout: Duration;
  /** How long they are held back at most. */
  readonly autoCommitTimeout: Duration;
}

/** What a sweep did. */
export interface SweepResult {
  /** Scheduled items that came due and are now available at the tail. */
  readonly enqueued: number;
  /** Items whose lease ran out and that are now available at the tail. */
  readonly requeued: number;
  /** Dead items that were deleted. */
  readonly deleted: number;
  /**
   * Dead items for the caller to move, in no order: still stored, offered to nobody. The
   * caller has them held in the dead-letter queue and then calls `markMoved`.
   */
  readonly dead: readonly StoredItem[];
  /**
   * Dead items that were marked as moved, and whose mover has not come to the
   * end: the caller has their letters delivered and then calls `remove`.
   */
  readonly moved: readonly ItemId[];
  /**
   * Milliseconds until the next sweep has something to do, by the storage's
   * clock; 0 when the limit or the size of the dead items cut this one short;
   * absent when nothing is pending.
   */
  readonly nextDueMs: number | undefined;
}
