import { type Clock, MESSAGES, QueueError } from '@querator/core';

/**
 * Lets changes of the same queues happen one after the other, and all others
 * side by side: what a change has checked stays true until it is done. Who
 * takes up a queue, or works on one, never waits here.
 */
export class NameLocks {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  /** The last change that was asked for, by the names it concerns. */
  readonly #last = new Map<string, Promise<void>>();

  /** @param patienceMs how long a change waits for earlier ones: while storage is down each of them takes its time. */
  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  /**
   * Runs `change` when all earlier ones that share a name with it are done.
   * All names are taken at once, in the order of the calls, so that no two
   * changes wait for each other.
   *
   * @throws QueueError `retry` when the earlier ones are not done in time; then
   *   `change` is never run.
   */
  async run<T>(names: readonly string[], change: () => Promise<T>): Promise<T> {
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const earlier = Promise.all(names.map((name) => this.#last.get(name)));
    for (const name of names) this.#last.set(name, done);
    try {
      await this.#inTime(earlier);
      return await change();
    } finally {
      // Later ones wait for the earlier ones, also where this one has left.
      void earlier.then(() => {
        for (const name of names) if (this.#last.get(name) === done) this.#last.delete(name);
        resolve();
      });
    }
  }

  #inTime(earlier: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.startTimer(this.#patienceMs, () =>
        reject(new QueueError('retry', MESSAGES.storageFailed)),
      );
      void earlier.then(() => {
        cancel();
        resolve();
      });
    });
  }
}
