import type { DeadLetter, ImportedItem, LeasedItem, NewItem, RetriedItem, StoredItem } from '../item/item.ts';
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
  readonly dead: 'condemn' | 'delete';
}

/** Where the items of one retry request went. */
export interface RetryResult {
  /** Back at the tail of the queue, available. */
  readonly waiting: number;
  /** Waiting for their time. */
  readonly scheduled: number;
  /** Kept aside; the next sweep reports them. */
  readonly condemned: number;
  readonly deleted: number;
}

/** A page of items in order of their ids. */
export interface ItemListRequest {
  /**
   * `queued`: waiting and leased ones. `scheduled`: only those that wait for
   * their time. `held`: only letters that are held back, shown as leased until
   * their hold ends.
   */
  readonly state: 'queued' | 'scheduled' | 'held';
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
  /** Items somebody holds a lease on, and those kept aside for the dead-letter queue; no held letters. */
  readonly leased: number;
  readonly scheduled: number;
  /** Mean time since the waiting and leased items entered the partition; 0 when there are none. */
  readonly averageAge: Duration;
  /** Time since the waiting item that is next in line entered the partition; 0 when none waits. */
  readonly headAge: Duration;
  /**
   * Mean time left of the leases, condemned items left out; 0 when there are
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
   * worked on; at least 1. Condemned ones go with the overdue or the expired
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
export interface HoldTimeouts {
  /** The expire timeout of the queue they come to. */
  readonly expireTimeout: Duration;
  /** How long they are held back at most. */
  readonly holdTimeout: Duration;
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

/**
 * One partition of a queue: the contract of every driver. One partition is one
 * table or its like; order is promised within it and nowhere else.
 *
 * For all methods:
 * - Batch-oriented. The engine hands over all requests that wait, and a driver
 *   may serve them in one statement. Outcomes come back in request order.
 * - Safe to call concurrently, also from several processes on one storage.
 * - A fulfilled promise means durable, in the driver's terms: committed for
 *   PostgreSQL, in memory for memory. Nothing is reported before.
 * - Initialised at the first call, and again at the next one if that failed.
 * - Deadlines are judged by the storage's clock, so that all processes on one
 *   storage agree; a driver may take a clock for tests.
 * - Settles within the backend's own time limits.
 * - Throws `StorageError` when storage fails, and then the whole call had no
 *   effect, or its outcome is `unknown`. Never throws for one request's fault,
 *   but for `import`, which has only one.
 * - Texts hold no U+0000; numbers are in range. The engine has checked that.
 */
export interface PartitionStore {
  /**
   * Adds items at the tail. The items of one request are stored all or not at
   * all, next to each other and in their order; requests in the order given.
   * Each gets a new id, `createdAt` now, `expireDeadline` now plus
   * `expireTimeout`, 0 attempts. An item whose `enqueueAt` is at least the
   * schedule threshold (100 ms) ahead is stored as scheduled, and its life
   * begins then: its `expireDeadline` is `enqueueAt` plus `expireTimeout`, or
   * `LAST_INSTANT` where that is earlier.
   */
  produce(
    requests: readonly ProduceRequest[],
    expireTimeout: Duration,
  ): Promise<readonly Outcome<ProduceResult>[]>;

  /**
   * A `produce` for consumers who wait: where no item waits in the partition,
   * up to `lease.limit` of the new items, the first ones, are leased from the
   * start, with one attempt. Where items wait, which have to go first, none
   * is. No item has an `enqueueAt`.
   *
   * Nothing tells such items from others that were produced and then leased.
   *
   * Absent: the driver can do no better than a produce and a lease.
   *
   * @param lease as of `lease`; the budget for payloads does not apply, since
   *   they are in memory as it is.
   */
  produceAndLease?(
    requests: readonly ProduceRequest[],
    expireTimeout: Duration,
    lease: LeaseBatch,
  ): Promise<ProduceAndLeaseResult>;

  /**
   * Takes the oldest waiting items, lowest ids first, up to the limit: marks
   * them leased until now plus `leaseTimeout` and adds one to their attempts,
   * which end at `ATTEMPTS_MAX`. Skips leased and scheduled ones, and those
   * another call is just taking. An item is never given to two callers.
   *
   * Takes fewer than the limit only when no more wait, or when the contents
   * taken (payloads and texts) add up to at least `PAYLOAD_BUDGET`. Then it
   * has to stop: a few items could otherwise fill the memory.
   *
   * @returns the items in id order; empty when there is none.
   */
  lease(batch: LeaseBatch): Promise<readonly LeasedItem[]>;

  /**
   * Undoes a lease that nobody was told of, as when the consumer left while
   * its items were fetched: the items wait again under the same ids, at their
   * old place, with one attempt less, though never below 0. Ids that are not
   * leased are passed over.
   *
   * If it fails the leases run out in their time.
   *
   * @returns how many items wait again.
   */
  release(ids: readonly ItemId[]): Promise<number>;

  /**
   * Removes leased items; their source ids are free again. All of one request
   * or none of it. Only that an item is leased counts, not whether its lease
   * has run out. Where two requests of a batch name one id, the first has it.
   *
   * An outcome's error names the request's first bad id: `noSuchItem` for one
   * that is unknown, scheduled, condemned or malformed, `itemNotLeased` for
   * one that waits.
   */
  complete(requests: readonly CompleteRequest[]): Promise<readonly Outcome<void>[]>;

  /**
   * Gives leased items back, all of one request or none. For each item, the
   * first that applies: `dead`, or `maxAttempts` not 0 and reached: condemned
   * or deleted, as `rules.dead` says. `retryAt` at least the schedule
   * threshold ahead: scheduled under its old id. Otherwise: waiting at the
   * tail under a new id. Attempts, source id, `createdAt` and `expireDeadline`
   * stay. Errors as for `complete`, with 'retried'.
   *
   * A condemned item is offered to nobody and cannot be completed or retried;
   * sweeps report it until `remove` takes it away. One that was marked as moved
   * is still condemned. It is listed and cleared as a leased one, and its
   * deadlines mean nothing.
   */
  retry(requests: readonly RetryRequest[], rules: DeathRules): Promise<readonly Outcome<RetryResult>[]>;

  /**
   * The page that was asked for, with fewer items than `limit` only where no
   * more follow or `maxBytes` ends it. Items keep their content byte for byte.
   */
  list(request: ItemListRequest): Promise<readonly StoredItem[]>;

  /**
   * Counts what is there. May read the whole partition, and take as long as
   * that takes; see that it leaves enough of the storage to others. A driver
   * whose counts are quick may ignore the options.
   */
  stats(options?: CountOptions): Promise<PartitionStats>;

  /**
   * Finds out whether the partition can serve: the storage is reached, takes
   * writes and grants the rights that serving needs, and the partition is there
   * or was made now. Changes no item, and costs the same whatever the partition
   * holds or has held: it reads a few pages and counts nothing.
   *
   * The engine calls it when it takes a queue up, and takes a partition that
   * failed back into service when it succeeds.
   *
   * @throws StorageError when the partition cannot serve.
   */
  probe(): Promise<void>;

  /**
   * Adds items as they are, with new ids at the tail and `createdAt` now. An
   * item whose source id the partition already holds is left out. An item
   * with `enqueueAt` is stored as scheduled, due or not. The `leaseDeadline` of
   * an item that is not leased is kept and listed until the item is leased, or
   * gets another id; nothing goes by it.
   *
   * @throws QueueError `invalid` when the storage cannot hold what an item
   *   says, such as a source id that is too long for it; then none is stored.
   * @returns the stored items, in request order; nothing in the place of one
   *   that was left out.
   */
  import(
    items: readonly ImportedItem[],
    expireTimeout: Duration,
  ): Promise<readonly (StoredItem | undefined)[]>;

  /** Removes items in whatever state; unknown ids are passed over. @returns how many were removed. */
  delete(ids: readonly ItemId[]): Promise<number>;

  /**
   * Removes all items in the given states; source ids are free again. A driver
   * may do so bit by bit: then items that come in meanwhile may stay, and where
   * it fails in between the outcome is `unknown`.
   *
   * @returns how many were removed.
   */
  clear(request: ClearRequest): Promise<number>;

  /**
   * Does what time demands, in one call, each part all or nothing. An item is
   * due when now is later than its deadline.
   * - Scheduled and due: waiting at the tail under a new id, in the order of
   *   (`enqueueAt`, id).
   * - Leased and overdue, with attempts left: waiting at the tail under a new
   *   id, in the order of (`leaseDeadline`, id).
   * - Leased and overdue with no attempts left, or past `expireDeadline` and
   *   not under a valid lease: dead, that is condemned or deleted, under its old
   *   id. Where this and the last one apply, either may come first.
   * - Condemned, also by an earlier sweep whose claim ran out: reported in
   *   `dead` or, when marked as moved, in `moved`; or deleted, as `dead` says.
   *
   * Each part may stop once the contents of the items it reports as dead
   * (payloads and texts) add up to `PAYLOAD_BUDGET`.
   *
   * Two sweeps at the same time never do the same work twice.
   *
   * Where a part fails after another has done its work, the sweep ends there
   * and reports what was done; the caller soon sweeps again.
   */
  sweep(request: SweepRequest): Promise<SweepResult>;

  /**
   * Marks condemned items as moved: their letters are held in the dead-letter
   * queue. They are never reported in `dead` again. A claim on them goes on:
   * they are reported in `moved` once it has run out, and at once where nobody
   * has claimed them. Ids that are not condemned are passed over.
   *
   * Two callers at once never both get an item in `marked`.
   */
  markMoved(ids: readonly ItemId[]): Promise<MarkResult>;

  /** Removes condemned items, marked or not. Ids that are not condemned are passed over. */
  remove(ids: readonly ItemId[]): Promise<void>;

  /**
   * Adds items that died in another queue, as `import` does, and holds them
   * back, with 0 attempts, until now plus `holdTimeout`. A letter whose source
   * id the partition already holds, in whatever state, is left out, and what is
   * there stays as it is: the hold of an earlier copy is not prolonged.
   *
   * They stay held until it is certain that nobody will send them once more
   * (ADR 15). Until then they are offered to nobody, and `complete` and `retry`
   * treat their ids as unknown ones. Only a `list` of held letters shows them,
   * and `stats` does not count them. `clear` removes them with the leased items.
   * A sweep makes a letter available whose hold has run out, as it does with an
   * overdue lease.
   *
   * An import makes no held letter, whatever the items say.
   *
   * @throws QueueError `invalid` as `import` does.
   */
  holdLetters(letters: readonly DeadLetter[], timeouts: HoldTimeouts): Promise<void>;

  /**
   * Makes held letters available: at the tail under new ids, in the order they
   * had, still with 0 attempts, whether their hold has run out or not. Source
   * ids of other items, or of none, are passed over.
   *
   * @returns how many became available.
   */
  deliverLetters(sourceIds: readonly ItemId[]): Promise<number>;

  /** Removes held letters, and no others. @returns how many. */
  withdrawLetters(sourceIds: readonly ItemId[]): Promise<number>;

  /**
   * Waits until a `drop` would not have to wait for anybody. Other calls go on
   * meanwhile, and none waits longer than a fraction of a second because of
   * this one. Changes nothing, and promises nothing: a drop may have to wait
   * all the same.
   *
   * Absent: a drop waits for nobody.
   *
   * @throws StorageError when it takes too long, `locked` where somebody else
   *   holds the partition; the message names who. Also when a drop would fail.
   */
  untilDroppable?(): Promise<void>;

  /**
   * Removes the partition with all its items. The next call starts an empty
   * one. Items of another queue, which the `owner` given for the store tells
   * apart, stay.
   */
  drop(): Promise<void>;
}
