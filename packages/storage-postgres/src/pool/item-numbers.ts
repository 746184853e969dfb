/** The greatest number of the item id sequence that the users of a pool know, in any table. */
export class ItemNumbers {
  #last = 0n;
  #server = 0n;

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
