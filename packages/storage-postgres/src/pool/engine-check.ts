/**
 * What a pool knows of its server: whether it has what the order of items depends on. A
 * server is known by its start time. After a failover another one answers, and is checked
 * again.
 */
export class EngineCheck {
  readonly #maxConns: () => number;
  #passedOn = 0n;
  #fault: string | undefined;
  #running: Promise<string | undefined> | undefined;

  /** @param maxConns the most connections of the pool. */
  constructor(maxConns: () => number) {
    this.#maxConns = maxConns;
  }

  /** The most connections that a check may use. */
  get maxConns(): number {
    return this.#maxConns();
  }

  /** What the last checked server lacks. Undefined: nothing, or none was checked. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /**
   * Checks the server unless it has passed before. Callers during a check share it.
   *
   * @param server its start time.
   * @returns what it lacks. Undefined: nothing.
   */
  faultOn(server: bigint, probe: () => Promise<string | undefined>): Promise<string | undefined> {
    if (server !== 0n && server === this.#passedOn) return Promise.resolve(undefined);
    this.#running ??= this.#run(server, probe).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(server: bigint, probe: () => Promise<string | undefined>): Promise<string | undefined> {
    this.#fault = await probe();
    if (this.#fault === undefined) this.#passedOn = server;
    return this.#fault;
  }
}
