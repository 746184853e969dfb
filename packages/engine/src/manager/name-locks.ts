/**
 * Lets changes of the same queues happen one after the other, and all others
 * side by side: what a change has checked stays true until it is done. Who
 * takes up a queue, or works on one, never waits here.
 */
export class NameLocks {
  /** The last change that was asked for, by the names it concerns. */
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Runs `change` when all earlier ones that share a name with it are done.
   * All names are taken at once, in the order of the calls, so that no two
   * changes wait for each other.
   */
  async run<T>(names: readonly string[], change: () => Promise<T>): Promise<T> {
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const earlier = names.map((name) => this.#last.get(name));
    for (const name of names) this.#last.set(name, done);
    try {
      await Promise.all(earlier);
      return await change();
    } finally {
      for (const name of names) if (this.#last.get(name) === done) this.#last.delete(name);
      resolve();
    }
  }
}
