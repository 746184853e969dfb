import type { Duration } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';
import type { Pauses } from './pause.ts';

/** The namespace of administration, and of requests that name none. */
export const SYSTEM_NAMESPACE = '_system';

/** Where one partition of a queue is stored. Fixed when the queue is created. */
export interface PartitionPlacement {
  /** 0 … n−1 without gaps. */
  readonly partition: number;
  /** The name of the storage backend in the configuration. */
  readonly storageName: string;
}

/** The settings of a queue that an operator can choose and change. */
export interface QueueSettings {
  /** How long a lease lasts; from one microsecond to `expireTimeout`. */
  readonly leaseTimeout: Duration;
  /** How long an item may stay in the queue, for a scheduled one from its `enqueueAt`. At least one microsecond. */
  readonly expireTimeout: Duration;
  /** The queue that takes items without attempts or time left. Empty: they are deleted. */
  readonly deadQueue: string;
  /** How often an item may be leased; 0 means without limit. */
  readonly maxAttempts: number;
  /** Free text. */
  readonly reference: string;
  /** The number of partitions that was requested. */
  readonly requestedPartitions: number;
}

/** A queue to be stored. */
export interface NewQueue extends QueueSettings {
  /** Unique among all queues of all namespaces. */
  readonly name: string;
  readonly namespace: string;
  readonly partitions: readonly PartitionPlacement[];
}

/** A queue as stored. */
export interface Queue extends NewQueue {
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  /** Undefined: nothing is paused. */
  readonly pauses?: Pauses | undefined;
  /** The token of the closure in force; see `QueueStore.close`. Undefined: the queue is not closed. */
  readonly closure?: string | undefined;
}
