import type { MakeAuditEvent } from '../audit/call-audit.ts';
import type { Pausable, PauseChange } from '../queue/pause.ts';
import type { NewQueue, PartitionPlacement, Queue, QueueResizes } from '../queue/queue.ts';
import { type Duration, milliseconds } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';
import type { ClosableStore } from './queue-closure.ts';

/** A page of queues in order of their names, compared as bytes. */
export interface QueueListRequest {
  /** Only queues of this namespace. Undefined: of all namespaces. */
  readonly namespace: string | undefined;
  /** The page starts at this name, or at the next greater one. Empty: at the first queue. */
  readonly pivot: string;
  /** The most queues of a page; at least 1. */
  readonly limit: number;
}

/** How long a shared storage keeps the record of a deletion after `forgetDeletion`: 24 hours. */
export const DELETION_RECORD_TIMEOUT: Duration = milliseconds(24 * 60 * 60_000);

/** The partitions of a queue, and what their changes leave in its record. */
export interface QueueSize {
  readonly partitions: readonly PartitionPlacement[];
  readonly resizes: QueueResizes;
}

/** Identifies one state of a queue, also among queues of the same name. */
export type QueueStamp = Pick<Queue, 'createdAt' | 'updatedAt'>;

/**
 * The state that the rules between two queues are checked against. It is valid until the
 * step that reads it ends: the queue and its dead-letter queue are locked.
 */
export interface QueueRelations {
  /** The intended dead-letter queue as stored; undefined if no queue has that name. */
  readonly deadQueue: Queue | undefined;
  /** Whether a `beginDelete` of that queue is in force. */
  readonly deadQueueEnds: boolean;
  /** A queue that uses the queue in question as dead-letter queue, the first in byte order. */
  readonly usedBy: string | undefined;
}

/**
 * Stores queues: their settings, and which storage has which of their
 * partitions. It stores no items.
 *
 * Contract of every driver, for all methods: calls may run concurrently, also
 * from several processes on the same storage. The first call that needs it
 * initialises the store; if that fails, the next call tries again. Each call
 * settles within the backend's time limits. A storage failure is a
 * `StorageError`.
 *
 * `audit` makes the event of a change, when the change has been made and before it
 * takes effect. The event is stored in the same step: both are there, or neither.
 * Its error fails the call. A call that changes nothing makes no event.
 */
export interface QueueStore extends ClosableStore {
  /**
   * Adds a queue with `createdAt` and `updatedAt` by the storage's clock. The
   * queue is durable when the promise is fulfilled.
   *
   * If the call fails, no queue was added, unless the outcome is `unknown`.
   *
   * @param check runs if the queue has a dead-letter queue, in the step that
   *   adds the queue. May run more than once. Its error fails the call, and no
   *   queue is added.
   * @param options `namespaceMustExist`: adds the queue only if its namespace exists in
   *   the backend's `accessStore`, which the step checks. A backend without one, or
   *   a call without the option, adds it in any namespace. Default: false.
   * @throws QueueError `invalid` (`invalid queue; '…' already exists`) if the
   *   name is taken. The stored queue stays as it is. `failed` if the namespace does
   *   not exist.
   */
  create(
    queue: NewQueue,
    check?: (relations: QueueRelations) => void,
    audit?: MakeAuditEvent,
    options?: { readonly namespaceMustExist?: boolean | undefined },
  ): Promise<Queue>;

  /** The current state of the queue of that name; undefined if there is none. */
  get(name: string): Promise<Queue | undefined>;

  /** The stamps of those of the queues that exist, in one call: a cheap way to detect changes of other processes. */
  stamps(names: readonly string[]): Promise<ReadonlyMap<string, QueueStamp>>;

  /** Reads one page. The filter applies before the limit. */
  list(request: QueueListRequest): Promise<readonly Queue[]>;

  /**
   * Replaces the settings of a queue in one step; no other update can come in
   * between. `change` gets the stored queue and returns the new one. `name`,
   * `namespace`, `partitions` and `createdAt` stay, whatever it returns.
   * `updatedAt` becomes now. `change` may run more than once.
   *
   * If the call fails, nothing was changed, unless the outcome is `unknown`.
   *
   * @param deadQueue the dead-letter queue that `change` is going to set; empty
   *   for none. Then `relations` is undefined, otherwise it describes that queue.
   * @returns the stored queue; undefined if there is none of that name.
   * @throws the error of `change`; then nothing was changed.
   */
  update(
    name: string,
    change: (stored: Queue, relations: QueueRelations | undefined) => NewQueue,
    deadQueue?: string,
    audit?: MakeAuditEvent,
  ): Promise<Queue | undefined>;

  /**
   * Starts or ends pauses, in one step. What is not named keeps its pause. The
   * settings stay, and `updatedAt` becomes now. A pause ends by itself at its
   * `until`. `update` keeps the pauses, and a deletion ends them.
   *
   * Undefined if the driver cannot store pauses.
   *
   * @returns the stored queue, with all its pauses; undefined if there is none of that name.
   * @throws QueueError `invalid` if an `until` has passed by the storage's clock.
   *   Then nothing was changed.
   */
  pause?(
    name: string,
    changes: Readonly<Partial<Record<Pausable, PauseChange>>>,
    audit?: MakeAuditEvent,
  ): Promise<Queue | undefined>;

  /**
   * Changes where one partition is, in one step; see `update`. Only that placement and `updatedAt` change.
   *
   * Undefined if the driver cannot change it.
   *
   * @param change gets the stored placement, and returns the new one. May run more than once.
   * @returns the stored queue; undefined if there is none of that name and creation time, or no such partition.
   * @throws the error of `change`; then nothing was changed.
   */
  place?(
    name: string,
    createdAt: Instant,
    partition: number,
    change: (placement: PartitionPlacement) => PartitionPlacement,
    audit?: MakeAuditEvent,
  ): Promise<Queue | undefined>;

  /**
   * Changes how many partitions a queue has, and its `resizes`, in one step; see `update`. Partitions that it had
   * before keep their placement, whatever `change` returns. If their number changes, it becomes
   * `requestedPartitions` too. `updatedAt` becomes now, and all else stays.
   *
   * Undefined if the driver cannot change it.
   *
   * @param change gets the stored queue. May run more than once.
   * @returns the stored queue; undefined if there is none of that name and creation time.
   * @throws the error of `change`; then nothing was changed.
   */
  resize?(
    name: string,
    createdAt: Instant,
    change: (stored: Queue) => QueueSize,
    audit?: MakeAuditEvent,
  ): Promise<Queue | undefined>;

  /**
   * Announces that the queue with that creation time will be deleted. Until
   * `timeout` has passed by the storage's clock, callers that choose it as
   * dead-letter queue find `deadQueueEnds` set. Settings and stamps stay. A
   * second call replaces the time, so a timeout of zero ends it. The deletion ends it too.
   *
   * @param check gets the name of a queue that uses this one as dead-letter
   *   queue, the first in byte order. May run more than once. Its error fails the
   *   call, and nothing is changed.
   * @returns whether the queue exists.
   */
  beginDelete(
    name: string,
    createdAt: Instant,
    options: { readonly timeout: Duration; readonly check: (usedBy: string | undefined) => void },
  ): Promise<boolean>;

  /**
   * Removes the queue of that name. With `createdAt` it removes only the queue
   * with that creation time, and no later one of the same name. The same step
   * records the deletion for `wasDeleted`.
   *
   * @param check as in `beginDelete`, in the step that removes the queue. Also gets the
   *   token of the queue's closure, if it stays in force for `CLOSURE_MARGIN` or longer.
   * @returns whether the queue existed.
   */
  delete(
    name: string,
    createdAt?: Instant,
    check?: (usedBy: string | undefined, closure?: string) => void,
    audit?: MakeAuditEvent,
  ): Promise<boolean>;

  /**
   * Whether `delete` removed the queue with that name and creation time. This is
   * the only proof that a queue's items may be removed: a queue that is merely
   * absent may be in another storage, or missing from a backup.
   *
   * A driver that lacks the right to keep records answers `false`.
   */
  wasDeleted(name: string, createdAt: Instant): Promise<boolean>;

  /**
   * Ends the need for the record of a deletion. Call it once no storage has
   * anything left of that queue. A shared storage keeps it for another
   * `DELETION_RECORD_TIMEOUT`: a process that missed the deletion may create a
   * partition again. Without a record the call has no effect.
   */
  forgetDeletion(name: string, createdAt: Instant): Promise<void>;

  /**
   * The number of partitions of all queues on each storage, by storage name. A
   * storage without partitions may be absent. Reads all queues; the placement of
   * a new queue uses it.
   */
  partitionCounts(): Promise<ReadonlyMap<string, number>>;

  /** A queue whose dead-letter queue is `name`, the first in byte order; undefined if there is none. */
  findByDeadQueue(name: string): Promise<string | undefined>;
}
