import type { Duration, Queue } from '@querator/core';
import type { PartitionState } from './partition-state.ts';

/** Items that came into a partition. */
export interface Arrival {
  /** Items available to consumers. */
  readonly waiting: number;
  /** Whether scheduled items came too. Undefined: none. */
  readonly scheduled?: boolean | undefined;
}

/** A statement that has leased items. */
export interface LeaseStatement {
  readonly items: number;
  /** The requests that it was sent for. */
  readonly requests: number;
  readonly leaseTimeout: Duration;
}

/** What the loops and sweepers of a logical queue report to it, and ask of it. */
export interface QueueHooks {
  /** The current settings of the queue. */
  readonly queue: () => Queue;
  /** Whether consumers receive nothing now, because an operator paused the queue. */
  readonly leasesStopped: () => boolean;
  /**
   * Undefined while the known settings are current. Otherwise a refresh, which
   * resolves to whether they are current now. A sweep does not await it: the
   * refresh may stop the queue, and the stop waits for sweeps.
   */
  readonly untilCurrent: () => Promise<boolean> | undefined;
  /** Items were stored in a partition. */
  readonly stored: (partition: PartitionState, arrival: Arrival) => void;
  /** One statement leased items of a partition. */
  readonly leased: (partition: PartitionState, statement: LeaseStatement) => void;
  /** A storage call on a partition failed. */
  readonly failed: (partition: PartitionState, error: unknown) => void;
}
