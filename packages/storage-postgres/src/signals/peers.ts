import { type Clock, type Instant, millisecondsBetween } from '@querator/core';

/** Whoever may connect can make up names of processes. */
const MOST_PEERS = 1_000;

/** The other processes that were heard of lately. */
export class Peers {
  readonly #clock: Clock;
  readonly #forgetAfterMs: number;
  readonly #heardAt = new Map<string, Instant>();

  constructor(clock: Clock, forgetAfterMs: number) {
    this.#clock = clock;
    this.#forgetAfterMs = forgetAfterMs;
  }

  /** Whether there are any. */
  get any(): boolean {
    const now = this.#clock.now();
    for (const [name, at] of this.#heardAt) {
      if (millisecondsBetween(at, now) <= this.#forgetAfterMs) return true;
      this.#heardAt.delete(name);
    }
    return false;
  }

  /** @returns whether it is a new one. Past a number of them the one that was silent longest is forgotten. */
  heardOf(name: string): boolean {
    const isNew = !this.#heardAt.delete(name);
    this.#heardAt.set(name, this.#clock.now());
    for (const oldest of this.#heardAt.keys()) {
      if (this.#heardAt.size <= MOST_PEERS) break;
      this.#heardAt.delete(oldest);
    }
    return isNew;
  }
}
