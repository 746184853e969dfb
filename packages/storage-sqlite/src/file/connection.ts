import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

/** A value that a statement is given. */
export type Value = SQLInputValue;

/** An open SQLite file. Each call blocks the thread until it is complete. */
export class Connection {
  readonly #file: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** @throws if the file cannot be opened. */
  constructor(path: string) {
    this.#file = new DatabaseSync(path);
  }

  /** Runs SQL without values, and without a result. */
  exec(sql: string): void {
    this.#file.exec(sql);
  }

  /** All rows. `Row` has the selected columns; every integer is a bigint. */
  all<Row>(sql: string, ...values: readonly Value[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  /** The rows one after the other, so that a caller need not read them all. The caller must change nothing meanwhile. */
  each<Row>(sql: string, ...values: readonly Value[]): IterableIterator<Row> {
    return this.#statement(sql).iterate(...values) as IterableIterator<unknown> as IterableIterator<Row>;
  }

  /** The first row. */
  get<Row>(sql: string, ...values: readonly Value[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  /** @returns the number of changed rows. */
  run(sql: string, ...values: readonly Value[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  close(): void {
    this.#statements.clear();
    this.#file.close();
  }

  /** Compiles each statement once. They are constants of this package, so they are few. */
  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#file.prepare(sql);
      // A double cannot represent the microseconds of the year 9999.
      statement.setReadBigInts(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
