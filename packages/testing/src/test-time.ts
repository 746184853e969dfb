// biome-ignore-all lint/style/noRestrictedGlobals: shows the test's own time as dates, and waits for handlers in real time.

import type { TimeSpan } from '@querator/client';
import {
  addDuration,
  type Clock,
  type Duration,
  errorText,
  type Instant,
  milliseconds,
  parseDuration,
} from '@querator/core';
import { TestClock } from './test-clock.ts';

/** A `Date`, under a name that sources other than this one may use. */
export type DateValue = Date;

/** So many turns of the event loop without a call mean that everybody waits. */
const QUIET_TURNS = 8;
const LOOK_AGAIN_MS = 1;

/** The time of a test: it stands still until the test moves it. */
export class TestTime {
  readonly #clock = new TestClock();
  #touches = 0;

  /** For everything whose time it is to be. */
  get clock(): Clock {
    return this.#clock;
  }

  now(): DateValue {
    return new Date(Number(this.#clock.now() / 1_000n));
  }

  /** Something happened: whoever waits for quiet goes on waiting. */
  touch(): void {
    this.#touches++;
  }

  /** Waits until nothing happens any more while the time stands still. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      const before = this.#touches;
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#touches !== before) quiet = -1;
    }
  }

  /**
   * Moves the time on. What is due meanwhile happens at its time, in order.
   *
   * @throws TypeError for a duration that is none or negative.
   */
  async advance(by: TimeSpan): Promise<void> {
    const target = addDuration(this.#clock.now(), toDuration(by));
    await this.settle();
    for (let due = this.#clock.nextDue; due !== undefined && due <= target; due = this.#clock.nextDue) {
      await this.#fireAt(due);
    }
    this.#clock.moveTo(target);
    await this.settle();
  }

  /** Repeats a look until it finds something, for at most so long in real time. */
  async until<T>(patienceMs: number, look: () => Promise<T | undefined>): Promise<T | undefined> {
    const end = performance.now() + patienceMs;
    for (;;) {
      await this.settle();
      const found = await look();
      if (found !== undefined || performance.now() > end) return found;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  async #fireAt(due: Instant): Promise<void> {
    const before = this.#touches;
    // A timer may be late if its time had come when it was started.
    if (due > this.#clock.now()) this.#clock.moveTo(due);
    this.#clock.fireNext();
    await new Promise((resolve) => setImmediate(resolve));
    // Most timers only look whether there is something to do.
    if (this.#touches !== before) await this.settle();
  }
}

function toDuration(span: TimeSpan): Duration {
  const duration = typeof span === 'string' ? parseDuration(span) : fromMs(span);
  if (duration !== undefined && duration >= 0n) return duration;
  throw new TypeError(errorText`the time cannot be moved on by ${String(span)}`);
}

function fromMs(ms: number): Duration | undefined {
  return Number.isFinite(ms) ? milliseconds(ms) : undefined;
}
