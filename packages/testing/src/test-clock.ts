import { type CancelTimer, type Clock, type Instant, instantFromMilliseconds } from '@querator/core';

interface Timer {
  readonly dueAt: Instant;
  readonly callback: () => void;
}

/** The first moment of a test, in milliseconds since 1970. */
// biome-ignore lint/style/noRestrictedGlobals: a constant.
const START_MS = Date.UTC(2026, 0, 1);

/** A clock that stands still until it is moved. */
export class TestClock implements Clock {
  #now: Instant = instantFromMilliseconds(START_MS);
  readonly #timers = new Set<Timer>();

  now(): Instant {
    return this.#now;
  }

  startTimer(delayMs: number, callback: () => void): CancelTimer {
    const delayUs = BigInt(Math.ceil(Math.max(delayMs, 0) * 1_000));
    const timer = { dueAt: (this.#now + delayUs) as Instant, callback };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** When the next timer is due. Undefined: there is none. */
  get nextDue(): Instant | undefined {
    return this.#next()?.dueAt;
  }

  /** Sets the time. Fires no timer. */
  moveTo(time: Instant): void {
    this.#now = time;
  }

  /** Fires the timer that is due first, if it is due by now. Timers of the same time fire in the order of their starts. */
  fireNext(): void {
    const next = this.#next();
    if (next === undefined || next.dueAt > this.#now) return;
    this.#timers.delete(next);
    next.callback();
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (first === undefined || timer.dueAt < first.dueAt) first = timer;
    return first;
  }
}
