import { type Clock, type Instant, millisecondsBetween } from '@querator/core';
import type { ListedQueue } from './queue-directory.ts';

/** A queue counts as seen for this long after a page with it was answered. A console asks every few seconds. */
const SEEN_MS = 15_000;
/** The most queues that count as seen. The page of the greatest limit has half as many. */
const MOST_SEEN = 2_000;

/** The queues that somebody sees on a page, of all viewers. */
export class ShownQueues {
  readonly #clock: Clock;
  /** By their names, those that were answered longest ago first. */
  readonly #seen = new Map<string, { readonly queue: ListedQueue; readonly at: Instant }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(queues: readonly ListedQueue[]): void {
    const at = this.#clock.now();
    for (const queue of queues) {
      this.#seen.delete(queue.name);
      this.#seen.set(queue.name, { queue, at });
    }
    for (const name of this.#seen.keys()) {
      if (this.#seen.size <= MOST_SEEN) return;
      this.#seen.delete(name);
    }
  }

  current(): readonly ListedQueue[] {
    const now = this.#clock.now();
    for (const [name, { at }] of this.#seen) {
      if (millisecondsBetween(at, now) < SEEN_MS) break;
      this.#seen.delete(name);
    }
    return [...this.#seen.values()].map(({ queue }) => queue);
  }

  clear(): void {
    this.#seen.clear();
  }
}
