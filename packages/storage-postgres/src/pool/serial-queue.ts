/** Runs one piece of work, once all earlier ones have ended. */
export type RunSerially = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Runs pieces of work one at a time, in order of arrival. Reads of low-water
 * marks share one queue, so that together they use one connection of a pool.
 */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` once all earlier work has ended. */
  readonly run: RunSerially = (work) => {
    const result = this.#last.then(() => work());
    this.#last = result.catch(() => {});
    return result;
  };
}
