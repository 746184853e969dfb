import type { Instant } from '../time/instant.ts';
import type { PartitionStore } from './partition-store.ts';
import type { QueueStore } from './queue-store.ts';
import type { StorageSignals } from './storage-signals.ts';

/** Names one partition of one queue. */
export interface PartitionKey {
  readonly queue: string;
  readonly partition: number;
}

/** The queue that a partition belongs to, to tell it from another one of the same name. */
export interface PartitionOwner {
  /** When the queue was created. */
  readonly createdAt: Instant;
  /**
   * Whether that queue is still there. Asked after a partition was made:
   * another process may have deleted the queue meanwhile, and nothing may be
   * stored then that nobody would ever find.
   */
  readonly isThere: () => Promise<boolean>;
  /**
   * Whether the queue of that name that was created then was deleted, as
   * `QueueStore.wasDeleted` says. Asked before items that belong to it are
   * removed: those of an earlier queue, or of this one when it is not there.
   */
  readonly wasDeleted: (createdAt: Instant) => Promise<boolean>;
}

/** What a look at one partition found. */
export interface PollResult {
  /** Whether items are available to consumers. */
  readonly waiting: boolean;
  /**
   * As in `SweepResult`: milliseconds until a sweep has something to do. Absent
   * when nothing is pending, and when deadlines were not asked for.
   */
  readonly nextDueMs: number | undefined;
}

/** What can keep dead rows from being removed. */
export const HORIZON_HOLDERS = ['session', 'prepared-transaction', 'replication-slot', 'standby'] as const;

/** Something keeps dead rows from being removed. */
export interface HeldHorizonNotice {
  readonly kind: 'held-horizon';
  /** For people: names who or what it is. Holds no password, no item and no statement. */
  readonly text: string;
  /** What kind of thing it is. */
  readonly holder: (typeof HORIZON_HOLDERS)[number];
  /** How long it has been so; 0: the storage does not say. */
  readonly seconds: number;
  /** How many transactions have begun since then. */
  readonly transactions: number;
}

/** A right is missing that existing queues can do without. */
export interface MissingRightNotice {
  readonly kind: 'missing-right';
  /** For people: what cannot be done without it, and how to give it. */
  readonly text: string;
  readonly holder?: undefined;
  readonly seconds?: undefined;
  readonly transactions?: undefined;
}

/** Something about a storage that works, and that its operator should look at. Of a known kind, for those who count. */
export type StorageNotice = HeldHorizonNotice | MissingRightNotice;

/** What a driver can and cannot do, as data: tests skip only through it, and operators can read it. */
export interface StorageCapabilities {
  /** Items survive the end of the process. */
  readonly durable: boolean;
  /** Several processes may use the same storage at the same time. */
  readonly shared: boolean;
}

/**
 * A configured storage, as the composition root makes it from the settings of
 * a driver. Making one touches no disk and no network, and never fails for
 * want of them: storage is reached at the first call of a store.
 */
export interface StorageBackend {
  /** The name under which queues refer to it. */
  readonly name: string;
  readonly capabilities: StorageCapabilities;

  /** The place for queues' settings. The same object each time. */
  queueStore(): QueueStore;

  /**
   * The store of one partition. Cheap; two stores of one key see the same items.
   *
   * @param owner its queue. A driver that several processes share finds out by
   *   it what an earlier queue of that name left behind, and calls for a queue
   *   that is gone, which fail. What an earlier queue left is removed where it
   *   is empty, or that queue `wasDeleted`; else it stays, and the calls fail
   *   with the outcome `not-applied` until an operator has decided. Absent:
   *   whatever is there.
   */
  partitionStore(key: PartitionKey, owner?: PartitionOwner): PartitionStore;

  /**
   * Finds out whether the storage can serve: reached, of a version and with
   * rights that calls need, and able to write as far as is known. Makes nothing.
   * Settles within the backend's own time limits.
   *
   * @returns what its operator should know all the same; mostly nothing.
   * @throws StorageError when it cannot.
   */
  ping(): Promise<readonly StorageNotice[]>;

  /**
   * Looks into many partitions with few calls, for processes that wait for
   * what others put in. A partition that was never used is empty. It pays to
   * ask for the same partitions in the same order again.
   *
   * Absent: the driver can do no better than a lease and a sweep of each.
   *
   * @param deadlines whether to look for `nextDueMs` too, which costs much more.
   * @returns what was found, in the order of the keys.
   * @throws StorageError
   */
  poll?(
    keys: readonly PartitionKey[],
    options: { readonly deadlines: boolean },
  ): Promise<readonly PollResult[]>;

  /** Change notifications from other processes; absent if the driver has none. */
  readonly signals?: StorageSignals | undefined;

  /** Waits for running calls, and lets go of connections. Calls after it fail. Closing twice is once. */
  close(): Promise<void>;
}
