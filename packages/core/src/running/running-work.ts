/**
 * Counts running work, so that a stop can wait for it. `begin` and `end` create
 * no promise, because they run for every statement.
 */
export class RunningWork {
  #count = 0;
  #whenIdle: (() => void)[] = [];

  /** Calls of `begin` without their `end`. */
  get count(): number {
    return this.#count;
  }

  /** Whether any work runs. */
  get any(): boolean {
    return this.#count > 0;
  }

  begin(): void {
    this.#count++;
  }

  end(): void {
    this.#count--;
    if (this.#count === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** Runs `call` and returns its result. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    this.begin();
    try {
      return await call();
    } finally {
      this.end();
    }
  }

  /** Resolves once no work runs. */
  async idle(): Promise<void> {
    if (this.any) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }
}
