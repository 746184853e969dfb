import process from 'node:process';
import type { CancelTimer, Clock } from '../time/clock.ts';
import { type Duration, parseDuration, toMilliseconds } from '../time/duration.ts';
import { addDuration, type Instant, instantFromMilliseconds, millisecondsBetween } from '../time/instant.ts';

interface Timer {
  dueAt: Instant;
  readonly callback: () => void;
}

/** A clock for tests. Its time changes only by `advance`. */
export class ManualClock implements Clock {
  #now: Instant;
  #timers: Timer[] = [];

  /** @param start the initial time; 2026-01-01T00:00:00Z by default. */
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

  /** The number of pending timers. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /**
   * Moves time forward by a duration such as `1m30s` and fires the timers that
   * become due, in order. Between two timers all pending promise callbacks run,
   * so that they see the time at which their timer fired.
   */
  async advance(by: string | Duration): Promise<void> {
    const target = addDuration(this.#now, typeof by === 'string' ? parseDuration(by) : by);
    await settled();
    for (let timer = this.#nextDue(target); timer !== undefined; timer = this.#nextDue(target)) {
      const due = timer;
      this.#timers = this.#timers.filter((other) => other !== due);
      if (due.dueAt > this.#now) this.#now = due.dueAt;
      due.callback();
      await handled();
    }
    this.#now = target;
    await settled();
  }

  /** Sets the time without firing timers, as when a machine's clock is set. */
  set(to: Instant): void {
    this.#now = to;
  }

  /**
   * Moves time forward and keeps the remaining delay of each timer. A machine that
   * was suspended does the same when it corrects its clock.
   */
  suspend(duration: string): void {
    const by = parseDuration(duration);
    this.#now = addDuration(this.#now, by);
    for (const timer of this.#timers) timer.dueAt = addDuration(timer.dueAt, by);
  }

  /** Milliseconds until the next timer fires; undefined if none is pending. */
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

/** At most this number of turns, so that code which calls `setImmediate` without end does not hang a test. */
const TURNS = 3;

/** Runs all pending promise callbacks and `setImmediate` callbacks. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await nextTurn();
}

/**
 * The same between two timers. A turn of the event loop costs more than most timers do, so there is a further one only
 * while another `setImmediate` callback waits.
 */
async function handled(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    await nextTurn();
    if (!process.getActiveResourcesInfo().includes('Immediate')) return;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The milliseconds of a duration text. */
export function ms(text: string): number {
  return toMilliseconds(parseDuration(text));
}
