import type { DeadLetter, ImportedItem, LeasedItem, StoredItem } from '../item/item.ts';
import type { ItemId } from '../item/item-id.ts';
import type { Duration } from '../time/duration.ts';
import type { Outcome } from './outcome.ts';
import type {
  ClearRequest,
  CompleteRequest,
  CountOptions,
  DeathRules,
  ItemListRequest,
  LeaseBatch,
  LetterTimeouts,
  MarkResult,
  PartitionStats,
  ProduceAndLeaseResult,
  ProduceRequest,
  ProduceResult,
  RetryRequest,
  RetryResult,
  SweepRequest,
  SweepResult,
} from './partition-calls.ts';

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
   * that is unknown, scheduled, moving or malformed, `itemNotLeased` for
   * one that waits.
   */
  complete(requests: readonly CompleteRequest[]): Promise<readonly Outcome<void>[]>;

  /**
   * Gives leased items back, all of one request or none. For each item, the
   * first that applies: `dead`, or `maxAttempts` not 0 and reached: moving
   * or deleted, as `rules.dead` says. `retryAt` at least the schedule
   * threshold ahead: scheduled under its old id. Otherwise: waiting at the
   * tail under a new id. Attempts, source id, `createdAt` and `expireDeadline`
   * stay. Errors as for `complete`, with 'retried'.
   *
   * A moving item is offered to nobody and cannot be completed or retried;
   * sweeps report it until `remove` takes it away. One that was marked as moved
   * is still moving. It is listed and cleared as a leased one, and its
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
   *   not under a valid lease: dead, that is moving or deleted, under its old
   *   id. Where this and the last one apply, either may come first.
   * - Moving, also by an earlier sweep whose claim ran out: reported in
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
   * Marks moving items as moved: their letters are held in the dead-letter
   * queue. They are never reported in `dead` again. A claim on them goes on:
   * they are reported in `moved` once it has run out, and at once where nobody
   * has claimed them. Ids that are not moving are passed over.
   *
   * Two callers at once never both get an item in `marked`.
   */
  markMoved(ids: readonly ItemId[]): Promise<MarkResult>;

  /** Removes moving items, marked or not. Ids that are not moving are passed over. */
  remove(ids: readonly ItemId[]): Promise<void>;

  /**
   * Adds items that died in another queue, as `import` does, and holds them
   * back, with 0 attempts, until now plus `autoCommitTimeout`. A letter whose source
   * id the partition already holds, in whatever state, is left out, and what is
   * there stays as it is: the hold of an earlier copy is not prolonged.
   *
   * They stay held until it is certain that nobody will send them once more
   * (ADR 15). Until then they are offered to nobody, and `complete` and `retry`
   * treat their ids as unknown ones. Only a `list` of prepared letters shows them,
   * and `stats` does not count them. `clear` removes them with the leased items.
   * A sweep makes a letter available whose hold has run out, as it does with an
   * overdue lease.
   *
   * An import makes no prepared letter, whatever the items say.
   *
   * @throws QueueError `invalid` as `import` does.
   */
  prepareLetters(letters: readonly DeadLetter[], timeouts: LetterTimeouts): Promise<void>;

  /**
   * Makes prepared letters available: at the tail under new ids, in the order they
   * had, still with 0 attempts, whether their hold has run out or not. Source
   * ids of other items, or of none, are passed over.
   *
   * @returns how many became available.
   */
  commitLetters(sourceIds: readonly ItemId[]): Promise<number>;

  /** Removes prepared letters, and no others. @returns how many. */
  abortLetters(sourceIds: readonly ItemId[]): Promise<number>;

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
