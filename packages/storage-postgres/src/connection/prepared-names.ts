/**
 * The statements that a session has prepared, the most recently used last. A prepared
 * statement takes memory on both sides for as long as the connection lives. So their
 * number is limited, and the least recently used one is closed: connections outlive
 * queues.
 */
export class PreparedNames {
  readonly #limit: number;
  readonly #names = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Call before a statement is sent.
   *
   * @returns the name of the statement to close first. Undefined: none.
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
