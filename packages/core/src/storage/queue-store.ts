import type { NewQueue, Queue } from '../queue/queue.ts';
import type { Duration } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';

/** A page of queues in order of their names, compared as bytes. */
export interface QueueListRequest {
  /** Only queues of this namespace. */
  readonly namespace: string;
  /** The page starts with this name, or where it is gone, with the next greater one; empty: from the first. */
  readonly pivot: string;
  /** At most so many; at least 1. */
  readonly limit: number;
}

/** How long a shared storage keeps the note of a deletion after `forgetDeletion`: a day. */
export const DELETION_NOTE_MS = 86_400_000;

/** Tells one state of a queue from another, and from another queue of the same name. */
export type QueueStamp = Pick<Queue, 'createdAt' | 'updatedAt'>;

/**
 * What the rules between two queues are checked by. It holds until the step
 * that reads it has ended: the queue and its dead-letter queue are locked.
 */
export interface QueueRelations {
  /** The queue that is to take the dead letters, as stored; undefined: there is none of that name. */
  readonly deadQueue: Queue | undefined;
  /** Whether a `beginDelete` holds for that queue. */
  readonly deadQueueEnds: boolean;
  /** The name of a queue whose dead-letter queue is the queue in question, the first in byte order. */
  readonly usedBy: string | undefined;
}

/**
 * Where queues are kept: their settings, and which storage holds which of
 * their partitions. Items are none of its business.
 *
 * Contract of every driver, for all methods: safe to call concurrently, also
 * from several processes on the same storage; initialised at the first call
 * that needs it, and again at the next one if that failed; settles within the
 * backend's own time limits. A failure of storage is a `StorageError`.
 */
export interface QueueStore {
  /**
   * Adds a queue with `createdAt` and `updatedAt` by the storage's clock.
   * Durable when the promise is fulfilled.
   *
   * If it fails nothing was added, unless the outcome is `unknown`.
   *
   * @param check is called where the queue has a dead-letter queue, in the
   *   step that adds the queue; perhaps more than once. What it throws is
   *   thrown, and nothing was added.
   * @throws QueueError `invalid` (`invalid queue; '…' already exists`) when
   *   the name is taken; the stored queue is untouched.
   */
  create(queue: NewQueue, check?: (relations: QueueRelations) => void): Promise<Queue>;

  /** The queue of that very name, or nothing. Never an old state. */
  get(name: string): Promise<Queue | undefined>;

  /** The stamps of those of the queues that there are, in one call; a cheap way to notice what others changed. */
  stamps(names: readonly string[]): Promise<ReadonlyMap<string, QueueStamp>>;

  /** The page that was asked for; filtered first, then limited. */
  list(request: QueueListRequest): Promise<readonly Queue[]>;

  /**
   * Replaces the settings of a queue, as one step that no other update can
   * come between: `change` is given what is stored and returns what is to be.
   * `name`, `namespace`, `partitions` and `createdAt` stay, whatever it
   * returns; `updatedAt` becomes now. `change` may be called more than once.
   *
   * If it fails nothing was changed, unless the outcome is `unknown`.
   *
   * @param deadQueue the dead-letter queue that `change` is going to set;
   *   empty: none. `relations` is about it, and absent where it is empty.
   * @returns what is stored now, or nothing when there is no such queue.
   * @throws whatever `change` throws; then nothing was changed.
   */
  update(
    name: string,
    change: (stored: Queue, relations: QueueRelations | undefined) => NewQueue,
    deadQueue?: string,
  ): Promise<Queue | undefined>;

  /**
   * Says that the queue that was created then is about to be deleted: until
   * `timeout` has passed by the storage's clock, others that want it for their
   * dead letters find `deadQueueEnds` set. Settings and stamps stay. Calling it
   * again prolongs it; the deletion ends it.
   *
   * @param check is given the name of a queue that uses this one for its dead
   *   letters, the first in byte order; perhaps more than once. What it throws
   *   is thrown, and nothing was changed.
   * @returns whether that queue is there.
   */
  beginDelete(
    name: string,
    createdAt: Instant,
    options: { readonly timeout: Duration; readonly check: (usedBy: string | undefined) => void },
  ): Promise<boolean>;

  /**
   * Removes the queue of that name; where `createdAt` is given, only the one
   * that was created then, and not a later one of the same name. In the same
   * step it notes the deletion, for `wasDeleted`.
   *
   * @param check as of `beginDelete`, in the step that removes the queue.
   * @returns whether it was there.
   */
  delete(name: string, createdAt?: Instant, check?: (usedBy: string | undefined) => void): Promise<boolean>;

  /**
   * Whether `delete` has removed the queue of that name that was created then.
   * This is the only proof that the items of a queue may be removed: a queue
   * that is merely absent may be in another storage, or missing in a backup.
   *
   * A driver that cannot keep notes, for want of a right, answers `false`.
   */
  wasDeleted(name: string, createdAt: Instant): Promise<boolean>;

  /**
   * Nothing of that queue is left in any storage, so that the note of its
   * deletion may go. A shared storage keeps the note for `DELETION_NOTE_MS`
   * more: a process that has not heard of the deletion may make a partition
   * anew. Of a queue without a note it does nothing.
   */
  forgetDeletion(name: string, createdAt: Instant): Promise<void>;

  /**
   * How many partitions all queues have on each storage, by its name; a storage
   * with none may be absent. Reads all queues: for the placement of a new one.
   */
  partitionCounts(): Promise<ReadonlyMap<string, number>>;

  /** The name of a queue whose dead-letter queue is `name`, the first in byte order, or nothing. */
  findByDeadQueue(name: string): Promise<string | undefined>;
}
