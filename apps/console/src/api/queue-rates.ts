import type { Span, Time } from './types.ts';

/** What happened to the items of a queue in one minute, at all servers. */
export interface QueueMinute {
  readonly minute: Time;
  readonly produced?: number;
  readonly leased?: number;
  readonly completed?: number;
  readonly retried?: number;
  readonly dead?: number;
  /** What the queue held, once in the minute. */
  readonly depth?: QueueDepth;
}

/** What a queue held at one time. */
export interface QueueDepth {
  readonly waiting?: number;
  readonly leased?: number;
  readonly scheduled?: number;
  /** Absent: no item waited. */
  readonly head_age?: Span;
}

/** The minutes in which something happened, the earliest first. */
export interface QueueRates {
  readonly now: Time;
  readonly minutes?: readonly QueueMinute[];
}
