import type { Duration } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';

/** The namespace of everything that names none, and of administration. */
export const SYSTEM_NAMESPACE = '_system';

/** Where one partition of a queue is stored. Settled when the queue is created. */
export interface PartitionPlacement {
  /** 0 … n−1 without holes. */
  readonly partition: number;
  /** The name of the storage backend in the configuration. */
  readonly storageName: string;
}

/** What an operator can set of a queue, at creation and later. */
export interface QueueSettings {
  /** How long a lease lasts. At least a microsecond, and no longer than `expireTimeout`. */
  readonly leaseTimeout: Duration;
  /** How long an item may live in the queue, a scheduled one from its `enqueueAt` on. At least a microsecond. */
  readonly expireTimeout: Duration;
  /** The name of the queue that takes items that used up their attempts or time; empty: they are deleted. */
  readonly deadQueue: string;
  /** How often an item may be leased; 0: without limit. */
  readonly maxAttempts: number;
  /** Free text. */
  readonly reference: string;
  /** How many partitions are wanted. */
  readonly requestedPartitions: number;
}

/** A queue to be stored. */
export interface NewQueue extends QueueSettings {
  /** Unique among all queues, whatever their namespace. */
  readonly name: string;
  readonly namespace: string;
  readonly partitions: readonly PartitionPlacement[];
}

/** A queue as it is stored. */
export interface Queue extends NewQueue {
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}
