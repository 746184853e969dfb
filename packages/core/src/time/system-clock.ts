import type { CancelTimer, Clock } from './clock.ts';
import { type Instant, instantFromMicroseconds } from './instant.ts';

/** setTimeout fires at once for anything longer: the delay is a signed 32-bit count of milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The machine's clock, with microseconds. `Date` alone has only milliseconds,
 * so an item produced right after a client read its clock would seem to have
 * been created before; the monotonic clock supplies the digits below, and is
 * pulled back to `Date` whenever the two are a millisecond or more apart.
 */
export class SystemClock implements Clock {
  #offsetUs: number;

  constructor() {
    this.#offsetUs = Date.now() * 1_000 - monotonicUs();
    // Wait for the next tick of Date, at most a millisecond away: only then is
    // it known what lies below the millisecond.
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
    // A delay may be longer than setTimeout can count: wait in legs.
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
