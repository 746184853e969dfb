import { type Clock, storageTooSlow, within } from '@querator/core';

/**
 * Runs changes of the same queues one after the other, and other changes side
 * by side. What a change has checked stays true until it ends. Activations and
 * requests do not wait here.
 */
export class NameLocks {
  readonly #clock: Clock;
  readonly #waitMs: number;
  /** The last requested change, by each name that it concerns. */
  readonly #last = new Map<string, Promise<void>>();

  /** @param waitMs how long a change waits for earlier ones. Each takes long while storage is down. */
  constructor(clock: Clock, waitMs: number) {
    this.#clock = clock;
    this.#waitMs = waitMs;
  }

  /**
   * Runs `change` when all earlier changes that share a name with it have ended.
   * Takes all names at once, in the order of the calls, so that no two changes
   * wait for each other.
   *
   * @throws QueueError `retry` when the earlier ones do not end in time; then
   *   `change` is never run.
   */
  async run<T>(names: readonly string[], change: () => Promise<T>): Promise<T> {
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const earlier = Promise.all(names.map((name) => this.#last.get(name)));
    for (const name of names) this.#last.set(name, done);
    try {
      const inTime = await within(this.#clock, this.#waitMs, earlier);
      if (inTime === undefined) throw storageTooSlow('earlier changes of the queue did not end in time');
      return await change();
    } finally {
      // Later changes wait for the earlier ones even after this one timed out.
      void earlier.then(() => {
        for (const name of names) if (this.#last.get(name) === done) this.#last.delete(name);
        resolve();
      });
    }
  }
}
