import type { Queue } from '@querator/core';
import type { Lane } from './partition-state.ts';

/** What came into a partition. */
export interface Arrival {
  /** So many items are available to consumers. */
  readonly waiting: number;
  /** Whether others wait for their time; absent: none. */
  readonly scheduled?: boolean | undefined;
}

/** What the loops of a logical queue tell it, and ask it. */
export interface QueueHooks {
  /** The queue's current settings. */
  readonly queue: () => Queue;
  /**
   * Nothing while the settings may be relied on; else a look at them, fulfilled
   * with whether they are known now. A sweep does not wait for it: the look may
   * end the queue, which waits for sweeps.
   */
  readonly untilCurrent: () => Promise<boolean> | undefined;
  /** Items were put into a partition. */
  readonly stored: (lane: Lane, arrival: Arrival) => void;
  /** So many items of a partition were leased with one statement, for so many requests. */
  readonly leased: (lane: Lane, items: number, requests: number) => void;
  /** A storage call on a partition failed. */
  readonly failed: (lane: Lane, error: unknown) => void;
}
