/** Runs one piece of work, once all earlier ones have ended. */
export type RunSerially = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Limits how much work of one kind runs at a time, such as counts on the
 * connections of a pool. Work that has to wait starts in order of arrival.
 */
export class Semaphore {
  readonly #limit: () => number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param limit at least 1. May return different values over time. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** Whether work could start at once. */
  get isFree(): boolean {
    return this.#running < this.#limit();
  }

  /** Runs `work` as soon as the limit allows. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.isFree) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
