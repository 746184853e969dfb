/** The last number of the sequence that the users of a pool know of, whichever table it went to. */
export class ItemNumbers {
  #last = 0n;
  #server = 0n;

  /** No number that is handed out from now on may be this or less. */
  get last(): bigint {
    return this.#last;
  }

  /** When the server that was met last was started; 0: none was met. See `SERVER_START`. */
  get server(): bigint {
    return this.#server;
  }

  /** A number was handed out. */
  saw(number: bigint): void {
    if (number > this.#last) this.#last = number;
  }

  /** A look at a table was answered by a server that was started then. */
  met(server: bigint): void {
    this.#server = server;
  }
}
