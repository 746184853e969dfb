import type { CancelTimer, Clock } from '../time/clock.ts';
import { type Duration, parseDuration, toMilliseconds } from '../time/duration.ts';
import { addDuration, type Instant, instantFromMilliseconds, millisecondsBetween } from '../time/instant.ts';

interface Timer {
  dueAt: Instant;
  readonly callback: () => void;
}

/** A clock moved by hand: time stands still until `advance` is called. */
export class ManualClock implements Clock {
  #now: Instant;
  #timers: Timer[] = [];

  /** @param start where the clock stands; by default 2026-01-01T00:00:00Z. */
  constructor(start: Instant = instantFromMilliseconds(Date.UTC(2026, 0, 1))) {
    this.#now = start;
  }

  now(): Instant {
    return this.#now;
  }

  startTimer(delayMs: number, callback: () => void): CancelTimer {
    const timer = {
      dueAt: (this.#now + BigInt(Math.ceil(Math.max(delayMs, 0) * 1_000))) as Instant,
      callback,
    };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** How many timers are pending. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /**
   * Moves time forward by a duration such as `1m30s`, firing what comes due on
   * the way, in order. Between two timers all pending promise callbacks run,
   * so that what one timer sets in motion sees the time it fired at.
   */
  async advance(by: string | Duration): Promise<void> {
    const target = addDuration(this.#now, typeof by === 'string' ? parseDuration(by) : by);
    await settled();
    for (let timer = this.#nextDue(target); timer !== undefined; timer = this.#nextDue(target)) {
      const due = timer;
      this.#timers = this.#timers.filter((other) => other !== due);
      if (due.dueAt > this.#now) this.#now = due.dueAt;
      due.callback();
      await settled();
    }
    this.#now = target;
    await settled();
  }

  /** Moves time without firing anything, as when a machine's clock is set. */
  set(to: Instant): void {
    this.#now = to;
  }

  /**
   * Moves time while timers stand still, as when a machine was suspended: its
   * clock is right again when it goes on, and each timer has as long to go as
   * before.
   */
  suspend(duration: string): void {
    const by = parseDuration(duration);
    this.#now = addDuration(this.#now, by);
    for (const timer of this.#timers) timer.dueAt = addDuration(timer.dueAt, by);
  }

  /** Milliseconds until the next timer fires, or nothing when none is pending. */
  msToNextTimer(): number | undefined {
    const next = this.#timers.reduce<Timer | undefined>(
      (first, timer) => (first === undefined || timer.dueAt < first.dueAt ? timer : first),
      undefined,
    );
    return next === undefined ? undefined : millisecondsBetween(this.#now, next.dueAt);
  }

  #nextDue(target: Instant): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= target && (next === undefined || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }
}

/** Lets everything that needs no outside event run: promise callbacks, and what they schedule for "right after". */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** The milliseconds of a duration written as text; saves tests a line. */
export function ms(text: string): number {
  return toMilliseconds(parseDuration(text));
}
