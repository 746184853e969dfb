/**
 * The statements that a session has prepared, the one that was used last at the
 * end. A prepared statement costs memory on both sides of a connection for as
 * long as it lives, so there are never more than the limit: the one that was not
 * used for longest makes room. Queues come and go, and connections stay.
 */
export class PreparedNames {
  readonly #limit: number;
  readonly #names = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * A statement is about to be sent.
   *
   * @returns the name of the one that has to be closed for it; undefined: none.
   */
  use(name: string): string | undefined {
    const isKnown = this.#names.delete(name);
    this.#names.add(name);
    if (isKnown || this.#names.size <= this.#limit) return undefined;
    const [oldest] = this.#names;
    if (oldest !== undefined) this.#names.delete(oldest);
    return oldest;
  }
}
