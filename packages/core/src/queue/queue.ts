import type { Duration } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';
import type { Pauses } from './pause.ts';

/** The namespace of administration, and of requests that name none. */
export const SYSTEM_NAMESPACE = '_system';

/** The move of a partition to another storage, as long as the switch is to come. */
export interface PartitionMoving {
  /** The name of the storage that it moves to. */
  readonly to: string;
  /** The task of the move. */
  readonly task: string;
  /** That of the process that works on the task: only it may switch. */
  readonly generation: number;
  /** Raised before each attempt to switch, so that an earlier attempt has no effect any more. */
  readonly attempt: number;
}

/** A change of the number of partitions that has not ended. */
export interface QueueResizing {
  /** Its task. */
  readonly task: string;
  /** That of the process that works on the task: only it may go on. */
  readonly generation: number;
  /** The number of partitions that the queue is to have. */
  readonly partitions: number;
}

/** Dedup keys of before a change that may not have ended. */
export interface EarlierKeys {
  /** How they were spread; see `QueueResizes.spread`. */
  readonly spread: readonly number[];
  /** The partitions that held some. */
  readonly held: readonly {
    readonly partition: number;
    /** When the last of them ends by the clock of the partition's storage, in milliseconds since 1970. */
    readonly endsAtMs: number;
  }[];
}

/** Which partitions take dedup keys, once that has changed. */
export interface KeySpread {
  /** Raised by each change. A partition refuses keys that were sent to it by an earlier one. */
  readonly number: number;
  /** The first partitions of the queue take the keys: this many. */
  readonly partitions: number;
  /** Where a key may be that is not in its partition, the oldest first. */
  readonly earlier: readonly EarlierKeys[];
}

/** What changes of the number of partitions leave in the record of a queue. */
export interface QueueResizes {
  /** The task of the one that ended last. A process that works on an earlier one has no effect. Empty: none has. */
  readonly last: string;
  /** Undefined: none runs. */
  readonly current?: QueueResizing | undefined;
  /**
   * How many partitions take what has to be found again where it was put, such as dead letters. Partitions that
   * the queue got later take none of it. If some of them have left, further and lower numbers follow.
   */
  readonly spread: readonly number[];
  /** Undefined: dedup keys go as `spread` says, and always have. */
  readonly keys?: KeySpread | undefined;
}

/** Where one partition of a queue is stored. Only the move of a partition changes it. */
export interface PartitionPlacement {
  /** 0 … n−1 without gaps. */
  readonly partition: number;
  /** The name of the storage backend in the configuration. */
  readonly storageName: string;
  /** Undefined: it does not move. */
  readonly moving?: PartitionMoving | undefined;
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
  /** Undefined: the number of its partitions has never changed. */
  readonly resizes?: QueueResizes | undefined;
  /** The token of the closure in force; see `QueueStore.close`. Undefined: the queue is not closed. */
  readonly closure?: string | undefined;
}
