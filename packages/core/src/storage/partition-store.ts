import type { DeadLetter, ExtendedItem, ImportedItem, LeasedItem, StoredItem } from '../item/item.ts';
import type { ItemId } from '../item/item-id.ts';
import type { Duration } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';
import type { FindPage, FindRequest } from './find-items.ts';
import type { KeyedImportStore } from './keyed-import.ts';
import type { KeyedStore } from './keyed-produce.ts';
import type { ProduceFromOutbox } from './outbox.ts';
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
  ProbeResult,
  ProduceAndLeaseResult,
  ProduceRequest,
  ProduceResult,
  RetryRequest,
  RetryResult,
  SeenItem,
  SweepRequest,
  SweepResult,
} from './partition-calls.ts';
import type { RemovableStore } from './partition-removal.ts';
import type { TakenItemsStore } from './taken-items.ts';
import type { TransferStore } from './transfer.ts';

/**
 * One partition of a queue: the contract of every driver. A partition is
 * usually one table. Order is promised within a partition only.
 *
 * For all methods:
 * - Calls take batches. The engine passes all waiting requests at once, and a
 *   driver may serve them in one statement. Outcomes keep the request order.
 * - Calls may run concurrently, also from several processes on one storage.
 * - A fulfilled promise means durable in the driver's terms: committed for
 *   PostgreSQL, in memory for memory. No outcome is reported earlier.
 * - The first call initialises the partition. If that fails, the next call
 *   tries again.
 * - The storage's clock judges deadlines, so that all processes on one storage
 *   agree. A driver may take a clock for tests.
 * - Each call settles within the backend's time limits.
 * - A storage failure throws `StorageError`. Then the whole call had no effect,
 *   or its outcome is `unknown`. A fault of one request never throws; the
 *   exception is `import`, which has only one request.
 * - A partition that keeps metadata keeps the details of an item (`ItemDetails`) until
 *   the item is removed. The first id is the one that an item gets when it is
 *   produced; also when it is imported or prepared without details.
 * - A partition that keeps no metadata returns and stores no details. It refuses
 *   items with metadata, retries with an error and extensions with a `maxHold`:
 *   `metadataUnavailable`.
 * - Texts contain no U+0000, and numbers are in range: the engine checks both.
 */
export interface PartitionStore
  extends KeyedStore,
    TransferStore,
    TakenItemsStore,
    RemovableStore,
    KeyedImportStore {
  /**
   * Adds items at the tail. The items of one request are stored all or not at
   * all, next to each other and in order. Requests are stored in the order
   * given. Each item gets a new id, `createdAt` now, `expireDeadline` now plus
   * `expireTimeout`, and 0 attempts.
   *
   * An item whose `enqueueAt` is at least the schedule threshold (100 ms) ahead
   * is stored as scheduled. Its life begins at that time: its `expireDeadline`
   * is `enqueueAt` plus `expireTimeout`, at most `LAST_INSTANT`.
   */
  produce(
    requests: readonly ProduceRequest[],
    expireTimeout: Duration,
  ): Promise<readonly Outcome<ProduceResult>[]>;

  /**
   * Produces items for waiting consumers. If no item waits, the first new items
   * are stored as leased with one attempt, up to `lease.limit`. If items wait,
   * they go first, and no new item is leased. No item has an `enqueueAt`.
   *
   * The leased items do not differ from items that were produced and then leased.
   *
   * Undefined if the driver has nothing faster than a produce and a lease.
   *
   * @param lease as in `lease`. The payload budget does not apply: the contents
   *   are in memory already.
   */
  produceAndLease?(
    requests: readonly ProduceRequest[],
    expireTimeout: Duration,
    lease: LeaseBatch,
  ): Promise<ProduceAndLeaseResult>;

  /** Undefined if the driver does not claim `outbox`. */
  readonly produceFromOutbox?: ProduceFromOutbox;

  /**
   * Leases the oldest waiting items, lowest ids first, up to the limit. Sets
   * their lease deadline to now plus `leaseTimeout` and adds one to their
   * attempts, which stop at `ATTEMPTS_MAX`. Skips leased and scheduled items
   * and items that a concurrent call is taking. No item goes to two callers.
   *
   * Returns fewer items than the limit only if no more wait, or at the budget.
   * The driver must stop once the contents (payloads and texts, and details, if the
   * batch asks for them) add up to at least `PAYLOAD_BUDGET`: a few large items could
   * fill the memory.
   *
   * @returns the items in id order; empty if none waits.
   */
  lease(batch: LeaseBatch): Promise<readonly LeasedItem[]>;

  /**
   * Undoes leases that no consumer received, for example because the consumer
   * disconnected during the call. The items wait again under the same ids, at
   * their old place, with one attempt less, but at least 0. Ids that are not
   * leased are ignored.
   *
   * If the call fails, the leases end at their deadlines.
   *
   * @returns the number of items that wait again.
   */
  release(ids: readonly ItemId[]): Promise<number>;

  /**
   * Removes leased items and frees their source ids. A request is applied as a
   * whole or not at all. Only the leased state counts, even if the lease
   * deadline has passed. If two requests of a batch name one id, the first one
   * completes it.
   *
   * The error of an outcome names the request's first bad id: `noSuchItem` for
   * an unknown, moving or malformed id, `itemNotLeased` for a waiting one,
   * `itemScheduled` for a scheduled one.
   */
  complete(requests: readonly CompleteRequest[]): Promise<readonly Outcome<void>[]>;

  /**
   * Gives leased items a new lease deadline: now plus their `leaseTimeout`, be it
   * later or earlier than the present one. Only the leased state counts, even if
   * the lease deadline has passed. Of an extend and a concurrent sweep, exactly one
   * has an effect on a lease. Nothing else of the item changes.
   *
   * Each item is decided by itself. Of an id that is named twice, the last deadline
   * stays. The errors are those of `complete`, with 'extended'.
   *
   * The first extension with a `maxHold` is written down. If more time
   * than `maxHold` has passed since then, the error is `heldTooLong`, and the lease
   * stays as it is. The item counts anew under its next id.
   *
   * Undefined if the driver cannot extend leases.
   *
   * @returns the new lease deadlines, in the order of `items`.
   */
  extend?(items: readonly ExtendedItem[]): Promise<readonly Outcome<Instant>[]>;

  /**
   * Gives leased items back. A request is applied as a whole or not at all. For
   * each item the first matching rule applies:
   * 1. `dead`, or `maxAttempts` is not 0 and reached: moving or deleted, as
   *    `rules.dead` says.
   * 2. `retryAt` is at least the schedule threshold ahead: scheduled under its
   *    old id.
   * 3. Otherwise: waiting at the tail under a new id.
   *
   * Attempts, source id, `createdAt` and `expireDeadline` stay. Errors are those
   * of `complete`, with 'retried'.
   *
   * An item keeps the last error that a retry gave, whatever becomes of it. A storage
   * that lacks characters of an error stores it in another form: no retry fails because
   * of its error.
   *
   * A moving item is dead and waits for its move to the dead-letter queue. It
   * cannot be leased, completed or retried. Sweeps report it until `remove`
   * deletes it, also after it is marked as moved. It is listed and cleared like
   * a leased item, and its deadlines have no meaning.
   */
  retry(requests: readonly RetryRequest[], rules: DeathRules): Promise<readonly Outcome<RetryResult>[]>;

  /**
   * Reads one page. It has fewer items than `limit` only if no more follow or
   * `maxBytes` ends it. Items keep their content byte for byte.
   */
  list(request: ItemListRequest): Promise<readonly StoredItem[]>;

  /**
   * Finds items in any state, but no prepared letters. Reads on from `after` until a
   * bound of the request, the limit or the end of the partition. So a caller that goes
   * on at `next` reads each item once. Every page of a search makes progress.
   *
   * The items are not those of one moment. An item that gets another id meanwhile may be
   * found twice or not at all. Its `createdAt` stays: to find only what was there at some
   * moment, set `created.to` of the filter, by the storage's clock.
   *
   * Undefined if the driver does not claim `find`.
   *
   * @throws StorageError also if the storage cannot read a few items in a few seconds.
   */
  find?(request: FindRequest): Promise<FindPage>;

  /**
   * Counts the items. A count may read the whole partition and take as long as
   * that needs. It must leave most of the storage's capacity to other calls. A
   * driver whose counts are fast may ignore the options.
   */
  stats(options?: CountOptions): Promise<PartitionStats>;

  /**
   * Checks whether the partition can serve: the storage is reachable, accepts
   * writes, grants the needed rights, and the partition exists or is created
   * now. Changes no item. The cost does not depend on the number of items: the
   * check reads a few pages and counts nothing.
   *
   * The engine probes a partition when it activates a queue, before it takes a
   * failed partition back into service, and when a caller needs metadata that the
   * partition does not keep. A driver then tries to make the partition keep it, as
   * often as does no harm.
   *
   * @throws StorageError if the partition cannot serve.
   */
  probe(): Promise<ProbeResult>;

  /**
   * Adds items in the given state, at the tail, with new ids and `createdAt`
   * now. Leaves out an item whose source id the partition already has. Stores an
   * item with `enqueueAt` as scheduled, due or not.
   *
   * Keeps the `leaseDeadline` of an item that is not leased. It is listed until
   * the item is leased or gets a new id, and has no effect.
   *
   * @throws QueueError `invalid` if the storage cannot store an item, for
   *   example because its source id is too long. Then no item is stored.
   * @returns the stored items in request order, undefined for those left out.
   */
  import(
    items: readonly ImportedItem[],
    expireTimeout: Duration,
  ): Promise<readonly (StoredItem | undefined)[]>;

  /** Removes items in any state. Unknown ids are ignored. @returns the number of removed items. */
  delete(ids: readonly ItemId[]): Promise<number>;

  /** Removes items that are as they were seen, and ignores others. Undefined: it cannot. @returns their number. */
  deleteSeen?(items: readonly SeenItem[]): Promise<number>;

  /**
   * Makes scheduled items due now: the next sweep puts them at the tail, in the order of their
   * ids. Their `expireDeadline` stays. Ignores unknown ids, items that are due already, in
   * another state, or taken by a task. Undefined: it cannot.
   *
   * @returns the number of items that became due.
   */
  makeDue?(ids: readonly ItemId[]): Promise<number>;

  /** The greatest id in the partition, of an item in any state. Undefined: it holds nothing. */
  lastId?(): Promise<ItemId | undefined>;

  /**
   * As `delete`, and tells which items it removed, in undefined order. Undefined if the
   * driver cannot tell.
   */
  deleteEach?(ids: readonly ItemId[]): Promise<readonly ItemId[]>;

  /**
   * Removes all items in the given states and frees their source ids. A driver
   * may remove them in steps. Then items that arrive during the call may stay,
   * and a failure between two steps has the outcome `unknown`.
   *
   * @returns the number of removed items.
   */
  clear(request: ClearRequest): Promise<number>;

  /**
   * Applies all due deadlines in one call, each part all or nothing. An item is
   * due when now is later than its deadline.
   * - Scheduled and due: waiting at the tail under a new id, in the order of
   *   (`enqueueAt`, id).
   * - Leased and overdue, with attempts left: waiting at the tail under a new
   *   id, in the order of (`leaseDeadline`, id).
   * - Leased and overdue without attempts left, or past `expireDeadline` and
   *   not under a valid lease: dead, that is moving or deleted, under its old
   *   id. If this rule and the last one apply, either may win.
   * - Moving, without a claim or past the end of it: reported in `dead`, or in
   *   `moved` if marked as moved; or deleted, if `request.dead` says so.
   *
   * A reported item keeps the time and reason of its death, however often it is
   * reported: `rejected` if a retry with `dead` gave it up, else `attempts` or
   * `expired`.
   *
   * Each part may stop once the contents (payloads and texts) of the dead items
   * it reports add up to `PAYLOAD_BUDGET`.
   *
   * Concurrent sweeps never do the same work twice.
   *
   * If a part fails after another one did its work, the sweep ends there and
   * reports what was done. The caller soon sweeps again.
   */
  sweep(request: SweepRequest): Promise<SweepResult>;

  /**
   * Marks moving items as moved: their letters are prepared in the dead-letter
   * queue. Sweeps never report them in `dead` again. Claims stay: a sweep reports
   * the items in `moved` once the claim ended, or at once if there is none. Ids
   * that are not moving are ignored.
   *
   * Of two concurrent callers only one gets an item in `marked`.
   */
  markMoved(ids: readonly ItemId[]): Promise<MarkResult>;

  /** Removes moving items, marked or not. Ids that are not moving are ignored. */
  remove(ids: readonly ItemId[]): Promise<void>;

  /**
   * First step of a dead-letter move: adds items that died in another queue, as
   * `import` does, with 0 attempts. They stay prepared until `commitLetters`,
   * `abortLetters`, or until now plus `autoCommitTimeout`. A letter whose source
   * id the partition already has, in any state, is left out. The existing item
   * stays as it is, and an existing prepared letter keeps its timeout.
   *
   * A letter with a `dueAt` stays prepared until then, if that is later than its timeout. Its life
   * begins then, or now if that is later, as that of a scheduled item.
   *
   * Prepared letters prevent duplicates (docs/adr/0015-dead-letters-in-steps.md).
   * They cannot be leased, and `complete` and `retry` treat their ids as unknown.
   * Only a `list` of prepared letters shows them, and `stats` does not count
   * them. `clear` removes them with the leased items. After the timeout a sweep
   * makes a letter available, as it does with an overdue lease.
   *
   * An import never makes a prepared letter.
   *
   * @throws QueueError `invalid`, as `import` does.
   */
  prepareLetters(letters: readonly DeadLetter[], timeouts: LetterTimeouts): Promise<void>;

  /**
   * Makes prepared letters available: at the tail under new ids, in their old
   * order, with 0 attempts, before or after their timeout. Those with a `dueAt`
   * become scheduled for then, also if it has passed. Source ids that name
   * other items or none are ignored.
   *
   * @returns the number of letters that are no longer prepared.
   */
  commitLetters(sourceIds: readonly ItemId[]): Promise<number>;

  /** Removes prepared letters and no other items. @returns the number of removed letters. */
  abortLetters(sourceIds: readonly ItemId[]): Promise<number>;

  /**
   * Finds those source ids that belong to prepared letters. A partition that is to leave its queue takes the call;
   * one that has left fails as for a call that writes.
   *
   * Undefined if the driver does not claim `resize`.
   */
  findLetters?(sourceIds: readonly ItemId[]): Promise<readonly ItemId[]>;
}
