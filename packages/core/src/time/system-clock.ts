import type { CancelTimer, Clock } from './clock.ts';
import { type Instant, instantFromMicroseconds } from './instant.ts';

/** The longest delay of setTimeout, a signed 32-bit number. It fires at once for longer ones. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The machine's clock in microseconds. `Date` has milliseconds only, so an item
 * could seem older than its produce request. The monotonic clock supplies the
 * digits below a millisecond. It is reset to `Date` when the two differ by a
 * millisecond or more.
 */
export class SystemClock implements Clock {
  #offsetUs: number;

  constructor() {
    this.#offsetUs = Date.now() * 1_000 - monotonicUs();
    // Wait up to 1 ms for the next tick of Date: only then are the digits below
    // the millisecond known.
    const first = Date.now();
    while (Date.now() === first);
    this.#offsetUs = Date.now() * 1_000 - monotonicUs();
  }

  now(): Instant {
    const floorUs = Date.now() * 1_000;
    const monotonic = monotonicUs();
    const candidate = this.#offsetUs + monotonic;
    if (candidate >= floorUs && candidate < floorUs + 1_000) {
      return instantFromMicroseconds(BigInt(Math.trunc(candidate)));
    }
    this.#offsetUs = floorUs - monotonic;
    return instantFromMicroseconds(BigInt(floorUs));
  }

  startTimer(delayMs: number, callback: () => void): CancelTimer {
    // A delay may exceed the longest setTimeout: wait in several legs.
    let remaining = delayMs;
    let handle: ReturnType<typeof setTimeout>;
    const leg = () => {
      const span = Math.min(Math.max(remaining, 0), LONGEST_TIMER_MS);
      remaining -= span;
      handle = setTimeout(remaining > 0 ? leg : callback, span);
      handle.unref();
    };
    leg();
    return () => clearTimeout(handle);
  }
}

function monotonicUs(): number {
  return performance.now() * 1_000;
}
