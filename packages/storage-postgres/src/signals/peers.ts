import { type Clock, type Instant, millisecondsBetween } from '@querator/core';

/** Limits memory: anyone who can connect can invent names of processes. */
const MOST_PEERS = 1_000;

/** The other processes that sent a message lately. */
export class Peers {
  readonly #clock: Clock;
  readonly #forgetAfterMs: number;
  readonly #seenAt = new Map<string, Instant>();

  constructor(clock: Clock, forgetAfterMs: number) {
    this.#clock = clock;
    this.#forgetAfterMs = forgetAfterMs;
  }

  /** Whether there are any. */
  get any(): boolean {
    const now = this.#clock.now();
    for (const [name, at] of this.#seenAt) {
      if (millisecondsBetween(at, now) <= this.#forgetAfterMs) return true;
      this.#seenAt.delete(name);
    }
    return false;
  }

  /** @returns whether the process is new. At the limit, the one that was silent longest is removed. */
  add(name: string): boolean {
    const isNew = !this.#seenAt.delete(name);
    this.#seenAt.set(name, this.#clock.now());
    for (const oldest of this.#seenAt.keys()) {
      if (this.#seenAt.size <= MOST_PEERS) break;
      this.#seenAt.delete(oldest);
    }
    return isNew;
  }
}
