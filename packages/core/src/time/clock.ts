import type { Instant } from './instant.ts';

/** Ends a timer. Calling it again, or after the timer fired, does nothing. */
export type CancelTimer = () => void;

/**
 * Where time comes from. Injected everywhere, so that tests move it by hand.
 *
 * A clock serves two purposes that must not be mixed up: `now` is compared
 * with stored deadlines, `startTimer` measures how long a caller is willing
 * to wait. A storage backend may judge its deadlines by a clock of its own.
 */
export interface Clock {
  /** The current time. May step when the machine's clock is set. */
  now(): Instant;

  /**
   * Calls `callback` once, `delayMs` milliseconds from now; never
   * synchronously, even for a delay of zero or less. A pending timer does not
   * keep the process alive.
   */
  startTimer(delayMs: number, callback: () => void): CancelTimer;
}
