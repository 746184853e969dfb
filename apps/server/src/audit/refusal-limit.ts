import type { MonotonicClock } from '../monotonic-clock.ts';

/** The refused calls of one user that are stored in an hour. */
export const STORED_REFUSALS = 1_000;
const HOUR_MS = 3_600_000;

/**
 * Limits how many refused calls of one user are stored. Without a limit, a user
 * without any permission could fill the database.
 */
export class RefusalLimit {
  readonly #monotonicClock: MonotonicClock;
  readonly #stored = new Map<string, number>();
  #endsMs = 0;

  constructor(monotonicClock: MonotonicClock) {
    this.#monotonicClock = monotonicClock;
  }

  /** Counts a refused call. `first`: this is the first one of the hour that must not be stored. */
  count(userId: string): 'stored' | 'first' | 'left-out' {
    const nowMs = this.#monotonicClock();
    if (nowMs >= this.#endsMs) {
      this.#stored.clear();
      this.#endsMs = nowMs + HOUR_MS;
    }
    const count = (this.#stored.get(userId) ?? 0) + 1;
    this.#stored.set(userId, count);
    if (count <= STORED_REFUSALS) return 'stored';
    return count === STORED_REFUSALS + 1 ? 'first' : 'left-out';
  }
}
