import { EngineCheck } from './engine-check.ts';

/** The greatest number of the item id sequence that the users of a pool know, in any table. */
export class ItemNumbers {
  /** Whether the server gives numbers in order, and has what else the order of items depends on. */
  readonly engine: EngineCheck;
  #last = 0n;
  #server = 0n;

  /** @param maxConns the most connections of the pool. */
  constructor(maxConns: () => number) {
    this.engine = new EngineCheck(maxConns);
  }

  /** New numbers must be greater than this. */
  get last(): bigint {
    return this.#last;
  }

  /** The start time of the last server that answered a check of a table. 0: none has. See `SERVER_START`. */
  get server(): bigint {
    return this.#server;
  }

  /** The sequence has given out this number. */
  observe(number: bigint): void {
    if (number > this.#last) this.#last = number;
  }

  /** A server that was started at this time has answered a check of a table. */
  observeServer(server: bigint): void {
    this.#server = server;
  }
}
