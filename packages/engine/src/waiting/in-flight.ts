/** Calls under way that nobody else keeps an eye on, so that an end can wait for them. */
export class InFlight {
  readonly #calls = new Set<Promise<unknown>>();

  /** Makes a call and passes its result on. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    const running = call();
    this.#calls.add(running);
    try {
      return await running;
    } finally {
      this.#calls.delete(running);
    }
  }

  /** Waits until the calls made so far have ended, however they did. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#calls);
  }
}
