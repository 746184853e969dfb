import { type Clock, type Instant, toMicroseconds } from '@querator/core';
import type { ServerTime } from '../port/queue-port.ts';

/** When a call was sent, by the local clock, and the time that its reply told. */
export interface ClockReading {
  readonly sentAt: Instant;
  readonly serverTime: ServerTime;
}

/**
 * Tells whether a deadline of the server has passed, although the local clock may
 * differ from the server's.
 *
 * The readings bound the lead of the server's clock over the local one. While they
 * allow a lead of 0, the clocks are taken for equal. Otherwise the least possible
 * lead counts: a wrong lead must not end a lease that still runs. A reply that
 * arrives late, for example because a handler blocked the process, only widens
 * the bounds.
 */
export class ServerClock {
  readonly #clock: Clock;
  #leastUs: bigint | undefined;
  #greatestUs = 0n;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes the reading of a reply that has just arrived. */
  observe({ sentAt, serverTime: { at, precision } }: ClockReading): void {
    const leastUs = at - this.#clock.now();
    const greatestUs = at + toMicroseconds(precision) - sentAt;
    // Bounds that contradict each other: one of the clocks was set, so the earlier readings are void.
    const isVoid = this.#leastUs === undefined || leastUs > this.#greatestUs || greatestUs < this.#leastUs;
    if (isVoid || leastUs > (this.#leastUs as bigint)) this.#leastUs = leastUs;
    if (isVoid || greatestUs < this.#greatestUs) this.#greatestUs = greatestUs;
  }

  /** The time at the server. Without a reading, that of the local clock. */
  now(): Instant {
    return (this.#clock.now() + this.#leadUs()) as Instant;
  }

  /** Whether a deadline of the server has passed. */
  hasPassed(deadline: Instant): boolean {
    return this.now() >= deadline;
  }

  #leadUs(): bigint {
    if (this.#leastUs === undefined) return 0n;
    return this.#leastUs <= 0n && this.#greatestUs >= 0n ? 0n : this.#leastUs;
  }
}
