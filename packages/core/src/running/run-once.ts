/**
 * A job that runs at most once, such as a stop. The first call of `run` begins
 * it, and all calls share its promise.
 */
export class RunOnce {
  readonly #job: () => Promise<void>;
  #run: Promise<void> | undefined;

  constructor(job: () => Promise<void>) {
    this.#job = job;
  }

  /** Whether the job has begun. True for the job itself from its first line on. */
  get hasBegun(): boolean {
    return this.#run !== undefined;
  }

  /** @returns settles as the job does. */
  run(): Promise<void> {
    if (this.#run === undefined) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      // Set before the job begins, because the job may ask `hasBegun`.
      this.#run = promise;
      this.#job().then(resolve, reject);
    }
    return this.#run;
  }
}
