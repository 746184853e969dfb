import { qualifiedName } from './quoted-name.ts';

/**
 * The schema of our tables and the sequence. It is determined by the first check of
 * the database, and again after tables turned out to be missing.
 */
export class TableSchema {
  #name: string | undefined;
  #moves = 0;

  /** Undefined until it is determined. */
  get name(): string | undefined {
    return this.#name;
  }

  /** How often the schema has changed. */
  get moves(): number {
    return this.#moves;
  }

  /** The check found our tables in this schema, or chose it for them. */
  determine(name: string): void {
    if (this.#name !== undefined && this.#name !== name) this.#moves++;
    this.#name = name;
  }

  /**
   * SQL for a table or sequence of ours with its schema, so that no other schema can
   * replace it.
   *
   * @throws Error before the schema is determined.
   */
  relation(name: string): string {
    if (this.#name === undefined) throw new Error(`the schema of ${name} is not known yet`);
    return qualifiedName(this.#name, name);
  }
}
