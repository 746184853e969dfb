/**
 * Runs a job that many callers may ask for at once. A run that began before a
 * call may miss what the caller wants it to see. So all callers during a run
 * share the next one.
 */
export class SharedRun<T> {
  readonly #job: () => Promise<T>;
  readonly #repeats: (result: T) => boolean;
  #running: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  /**
   * @param job never rejects.
   * @param repeats whether the shared next run takes place after this result.
   *   If not, its callers receive the same result.
   */
  constructor(job: () => Promise<T>, repeats: (result: T) => boolean = () => true) {
    this.#job = job;
    this.#repeats = repeats;
  }

  /** Whether no run is in progress, and none is to follow. */
  get isIdle(): boolean {
    return this.#running === undefined && this.#next === undefined;
  }

  /** @returns the result of the first run that begins after this call. Never rejects. */
  start(): Promise<T> {
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return this.#begin();
    this.#next = this.#running.then((result) => {
      this.#next = undefined;
      return this.#repeats(result) ? this.#begin() : result;
    });
    return this.#next;
  }

  /** Waits for the run in progress. */
  async idle(): Promise<void> {
    await this.#running;
  }

  #begin(): Promise<T> {
    this.#running = this.#job().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}
