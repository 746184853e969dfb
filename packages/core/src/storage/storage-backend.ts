import type { Instant } from '../time/instant.ts';
import type { AccessStore } from './access-store.ts';
import type { AuditStore } from './audit-store.ts';
import type { StorageCapabilities } from './capabilities.ts';
import type { InstanceStore } from './instance-store.ts';
import type { MoveStore } from './move-store.ts';
import type { HeldOutbox } from './outbox.ts';
import type { PartitionCounts } from './partition-calls.ts';
import type { PartitionStore } from './partition-store.ts';
import type { QueueStore } from './queue-store.ts';
import type { RateStore } from './rate-store.ts';
import type { ScheduleStore } from './schedule-store.ts';
import type { StorageSignals } from './storage-signals.ts';
import type { TaskStore } from './task-store.ts';

/** Names one partition of one queue. */
export interface PartitionKey {
  readonly queue: string;
  readonly partition: number;
}

/** The queue that a partition belongs to. It distinguishes queues of the same name. */
export interface PartitionOwner {
  /** When the queue was created. */
  readonly createdAt: Instant;
  /**
   * Whether the queue still exists, and may have new partitions. The driver calls it
   * after it created a partition: another process may have deleted the queue
   * meanwhile, or is deleting it. Then it must not store items that no call could ever
   * reach.
   */
  readonly isThere: () => Promise<boolean>;
  /**
   * Whether the queue of that name and creation time was deleted, as
   * `QueueStore.wasDeleted` says. The driver calls it before it removes items:
   * those of an earlier queue, or of this one after its deletion.
   */
  readonly wasDeleted: (createdAt: Instant) => Promise<boolean>;
}

/** Names a partition to count, and its queue. */
export interface CountedPartition extends PartitionKey {
  /** When the queue was created. */
  readonly createdAt: Instant;
}

/** What one partition holds. */
export interface PartitionSize {
  /** Items in every state. */
  readonly items: number;
  /** Bytes of their payloads and texts, as the storage counts them. */
  readonly bytes: number;
}

/** The result of a poll for one partition. */
export interface PollResult {
  /** Whether items are available to consumers. */
  readonly waiting: boolean;
  /**
   * Milliseconds until a sweep has work to do, as in `SweepResult`. Undefined if
   * nothing is pending, or if the poll did not ask for deadlines. Up to 100 for what is
   * overdue: another process may be sweeping it.
   */
  readonly nextDueMs: number | undefined;
}

/** The kinds of holder that prevent a storage from removing dead rows. */
export const HORIZON_HOLDERS = ['session', 'prepared-transaction', 'replication-slot', 'standby'] as const;

/** Something prevents the storage from removing dead rows. */
export interface HeldHorizonNotice {
  readonly kind: 'held-horizon';
  /** For operators: names the holder. Contains no password, no item and no statement. */
  readonly text: string;
  /** The kind of the holder. */
  readonly holder: (typeof HORIZON_HOLDERS)[number];
  /** How long it has lasted, in seconds; 0 if the storage does not know. */
  readonly seconds: number;
  /** How many transactions have begun since then. */
  readonly transactions: number;
}

/** A right is missing, but existing queues work without it. */
export interface MissingRightNotice {
  readonly kind: 'missing-right';
  /** For operators: what does not work without the right, and how to grant it. */
  readonly text: string;
  readonly holder?: undefined;
  readonly seconds?: undefined;
  readonly transactions?: undefined;
}

/** A condition of a working storage that its operator should look at. `kind` is for metrics. */
export type StorageNotice = HeldHorizonNotice | MissingRightNotice;

/**
 * A configured storage. The composition root makes it from the settings of a
 * driver. Making it uses no disk and no network, so it cannot fail for lack of
 * them: the first call of a store connects.
 */
export interface StorageBackend {
  /** The name by which queues refer to the storage. */
  readonly name: string;
  /** What this storage can do. An optional member of a port is there exactly if its capability is claimed. */
  readonly capabilities: StorageCapabilities;

  /** The store of queues' settings. Returns the same object each time. */
  queueStore(): QueueStore;

  /**
   * The store of users and their rights. Returns the same object each time.
   * Undefined if the driver has none: access control cannot be switched on then.
   */
  accessStore?(): AccessStore;

  /**
   * The records of the processes that use the storage. Returns the same object each
   * time. Undefined if the driver has none: each process takes itself for the only one.
   */
  instanceStore?(): InstanceStore;

  /**
   * The store of audit events. Returns the same object each time. Undefined if the
   * driver has none. Then its queue store and its access store are never asked to
   * keep an event.
   */
  auditStore?(): AuditStore;

  /**
   * The store of schedules. Returns the same object each time. Undefined if the driver
   * has none: then queues on it have no schedules.
   */
  scheduleStore?(): ScheduleStore;

  /**
   * The store of tasks. Returns the same object each time. Undefined if the driver does
   * not claim `tasks`.
   */
  taskStore?(): TaskStore;

  /**
   * The store of what happened to queues per minute. Returns the same object each time.
   * Undefined if the driver does not claim `rates`.
   */
  rateStore?(): RateStore;

  /**
   * The store of one partition. A cheap call. Two stores of one key see the same items.
   *
   * @param owner the partition's queue. By it a shared driver detects items of an
   *   earlier queue of the same name. It removes the earlier partition if that is
   *   empty, or if the earlier queue `wasDeleted`. Otherwise the items stay, and
   *   calls fail with the outcome `not-applied` until an operator decides. Calls
   *   for a queue that no longer exists fail too. Undefined: the store serves any
   *   existing items.
   */
  partitionStore(key: PartitionKey, owner?: PartitionOwner): PartitionStore;

  /**
   * One partition as the source or the target of a move. A cheap call. Undefined if the driver does
   * not claim `moves`.
   *
   * @param owner as in `partitionStore`.
   */
  moveStore?(key: PartitionKey, owner?: PartitionOwner): MoveStore;

  /**
   * Checks whether the storage can serve: it is reachable, has a supported
   * version, grants the needed rights and, as far as is known, accepts writes.
   * Creates nothing. Settles within the backend's time limits.
   *
   * @returns notices for the operator; usually none.
   * @throws StorageError if the storage cannot serve.
   */
  ping(): Promise<readonly StorageNotice[]>;

  /**
   * Polls many partitions in few calls, for processes that wait for items of
   * other processes. A partition that was never used is empty. Repeating a poll
   * with the same keys in the same order is cheaper.
   *
   * Undefined if the driver has nothing faster than a lease and a sweep per partition.
   *
   * @param deadlines whether to find `nextDueMs` too, which costs much more.
   * @returns one result per key, in order.
   * @throws StorageError
   */
  poll?(
    keys: readonly PartitionKey[],
    options: { readonly deadlines: boolean },
  ): Promise<readonly PollResult[]>;

  /**
   * Measures what partitions hold, prepared letters included. Callers repeat it every
   * few seconds, so it must be cheap: a partition of more than 10,000 items may be
   * estimated, mostly to a tenth. Creates nothing: a partition that was never used is
   * empty.
   *
   * @returns one size per key, in order.
   * @throws StorageError
   */
  measure(keys: readonly PartitionKey[]): Promise<readonly PartitionSize[]>;

  /**
   * Counts many small partitions in few calls, for lists of queues. Creates nothing: a
   * partition that was never used is empty. Whether a partition is small is cheap to
   * find out, and reading it takes milliseconds at most.
   *
   * Undefined if the driver does not claim `counts`.
   *
   * @returns one result per partition, in order. Undefined: it is not small, or its
   *   owner is in doubt. `PartitionStore.stats` counts it then.
   * @throws StorageError
   */
  countSmall?(partitions: readonly CountedPartition[]): Promise<readonly (PartitionCounts | undefined)[]>;

  /**
   * Whether an outbox is in the database of this storage, which may remove its rows.
   * A copy of the database has another token.
   *
   * @throws StorageError
   */
  hasOutbox?(outbox: HeldOutbox): Promise<boolean>;

  /**
   * The clock that judges deadlines and gives items their `createdAt`. Undefined if the
   * driver cannot tell: a task then goes by the clock of the queues' storage.
   *
   * @throws StorageError
   */
  now?(): Promise<Instant>;

  /** Change notifications from other processes. Undefined if the driver has none. */
  readonly signals?: StorageSignals | undefined;

  /** Waits for running calls, then closes connections. Later calls fail. A second close has no effect. */
  close(): Promise<void>;
}
