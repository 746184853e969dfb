import { qualifiedName } from './quoted-name.ts';

/**
 * The schema that our tables and the sequence are in. It is found at the first
 * look at the database, and again after tables turned out to be gone.
 */
export class TableSchema {
  #name: string | undefined;
  #moves = 0;

  /** Its name; undefined until it is found. */
  get name(): string | undefined {
    return this.#name;
  }

  /** How often another schema took its place. */
  get moves(): number {
    return this.#moves;
  }

  /** The look found our tables there, or the place where they belong. */
  found(name: string): void {
    if (this.#name !== undefined && this.#name !== name) this.#moves++;
    this.#name = name;
  }

  /**
   * A table or sequence of ours, as SQL that no other schema can intercept.
   *
   * @throws Error before the schema is found.
   */
  relation(name: string): string {
    if (this.#name === undefined) throw new Error(`the schema of ${name} is not known yet`);
    return qualifiedName(this.#name, name);
  }
}
