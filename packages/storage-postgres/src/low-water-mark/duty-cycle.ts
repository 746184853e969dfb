import { type Clock, type Instant, millisecondsBetween } from '@querator/core';

/**
 * Limits repeated work to one part in `parts` of the time. With 20 parts, a run of 10
 * ms is followed by a pause of 200 ms.
 */
export class DutyCycle {
  readonly #clock: Clock;
  readonly #parts: number;
  #isRunning = false;
  #lastAt: Instant;
  /** How long the last run took. Undefined if unknown. */
  tookMs: number | undefined;

  constructor(clock: Clock, parts: number) {
    this.#clock = clock;
    this.#parts = parts;
    this.#lastAt = clock.now();
  }

  /** Whether another run may start. @param intervalMs the shortest time between two runs. */
  isDue(intervalMs: number, now: Instant): boolean {
    const pauseMs = Math.max(intervalMs, this.#parts * (this.tookMs ?? 0));
    return !this.#isRunning && millisecondsBetween(this.#lastAt, now) >= pauseMs;
  }

  /** Starts a run; none is due until its end. @returns the function to call then. */
  begin(): () => void {
    this.#isRunning = true;
    const start = this.#clock.now();
    return () => {
      this.#lastAt = this.#clock.now();
      this.tookMs = millisecondsBetween(start, this.#lastAt);
      this.#isRunning = false;
    };
  }

  /** A run has started that others need not wait for. */
  startedAt(start: Instant): void {
    this.#lastAt = start;
  }
}
