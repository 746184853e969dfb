/**
 * The connections of a pool that one kind of work may have at a time. Who finds
 * all of them in use waits, first come, first served.
 */
export class Allotment {
  readonly #most: () => number;
  #inUse = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param most how many; at least 1. What it says may change. */
  constructor(most: () => number) {
    this.#most = most;
  }

  /** Whether one is left. */
  get isFree(): boolean {
    return this.#inUse < this.#most();
  }

  /** Runs `work`, which uses one connection at a time, when its turn has come. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.isFree) this.#inUse++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#inUse--;
      else next();
    }
  }
}
