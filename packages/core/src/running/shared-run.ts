/** What the callers of the next run get when the run before it ends. */
export interface SharedRunOptions<T> {
  /** Whether the next run takes place after this result. If not, its callers get the same result. Default: always. */
  readonly repeatsAfter?: (result: T) => boolean;
  /** Whether the next run takes place after this failure. If not, its callers get the same error. Default: always. */
  readonly repeatsAfterFailure?: (error: unknown) => boolean;
}

/**
 * Runs a job that many callers may ask for at once, one run at a time. `join`
 * shares the run in progress. A run that began before a call may miss what the
 * caller wants it to see. So all calls of `start` during a run share the next
 * one.
 *
 * `Args` are the job's arguments. A run gets those of the first call that asked
 * for it.
 */
export class SharedRun<T, Args extends readonly unknown[] = []> {
  readonly #job: (...args: Args) => Promise<T>;
  readonly #options: SharedRunOptions<T>;
  #running: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  constructor(job: (...args: Args) => Promise<T>, options: SharedRunOptions<T> = {}) {
    this.#job = job;
    this.#options = options;
  }

  /** The run in progress. Settles as the job does. */
  get running(): Promise<T> | undefined {
    return this.#running;
  }

  /** Whether no run is in progress, and none is to follow. */
  get isIdle(): boolean {
    return this.#running === undefined && this.#next === undefined;
  }

  /** @returns the result of the run in progress, or of a new one. Rejects as the job does. */
  join(...args: Args): Promise<T> {
    return this.#running ?? this.#next ?? this.#begin(args);
  }

  /** @returns the result of the first run that begins after this call. Rejects as the job does. */
  start(...args: Args): Promise<T> {
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return this.#begin(args);
    const { repeatsAfter = always, repeatsAfterFailure = always } = this.#options;
    this.#next = this.#running.then(
      (result) => {
        this.#next = undefined;
        return repeatsAfter(result) ? this.#begin(args) : result;
      },
      (error: unknown) => {
        this.#next = undefined;
        if (!repeatsAfterFailure(error)) throw error;
        return this.#begin(args);
      },
    );
    return this.#next;
  }

  /** Waits for the run in progress. Never rejects. */
  async idle(): Promise<void> {
    await this.#running?.catch(() => {});
  }

  #begin(args: Args): Promise<T> {
    this.#running = this.#job(...args).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}

function always(): boolean {
  return true;
}
