import { addDuration, type CancelTimer, type Clock, type Instant, milliseconds } from '@querator/core';

interface Timer {
  /** On the clock without jumps. */
  dueMs: number;
  readonly callback: () => void;
  cancel: CancelTimer;
}

/** A clock that can be moved forward. Pending timers become due that much earlier. */
export class JumpingClock implements Clock {
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  #aheadMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How far it is ahead, in milliseconds. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  now(): Instant {
    return addDuration(this.#clock.now(), milliseconds(this.#aheadMs));
  }

  startTimer(delayMs: number, callback: () => void): CancelTimer {
    const timer: Timer = { dueMs: performance.now() + delayMs, callback, cancel: () => {} };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => {
      timer.cancel();
      this.#timers.delete(timer);
    };
  }

  jump(ms: number): void {
    this.#aheadMs += ms;
    for (const timer of this.#timers) {
      timer.cancel();
      timer.dueMs -= ms;
      this.#arm(timer);
    }
  }

  #arm(timer: Timer): void {
    timer.cancel = this.#clock.startTimer(timer.dueMs - performance.now(), () => {
      this.#timers.delete(timer);
      timer.callback();
    });
  }
}
