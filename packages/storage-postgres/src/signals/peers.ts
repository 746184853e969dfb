import { type Clock, type Instant, millisecondsBetween } from '@querator/core';

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

  /** @returns whether it is a new one. */
  heardOf(name: string): boolean {
    const isNew = !this.#heardAt.has(name);
    this.#heardAt.set(name, this.#clock.now());
    return isNew;
  }
}
