import type { Instant } from './instant.ts';

/** Cancels a timer. A second call, or a call after the timer fired, has no effect. */
export type CancelTimer = () => void;

/**
 * Source of time. Injected everywhere, so that tests can move it.
 *
 * Use `now` to compare with stored deadlines, and `startTimer` to measure how
 * long a caller waits. A storage backend may judge its deadlines by a clock of
 * its own.
 */
export interface Clock {
  /** The current time. It jumps when the machine's clock is set. */
  now(): Instant;

  /**
   * Calls `callback` once after `delayMs` milliseconds, never synchronously, even
   * if the delay is zero or negative. A pending timer does not keep the process
   * alive.
   */
  startTimer(delayMs: number, callback: () => void): CancelTimer;
}
