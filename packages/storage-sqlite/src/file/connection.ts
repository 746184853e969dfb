import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

/** A value that a statement is given. */
export type Value = SQLInputValue;

/** An open SQLite file. Each call blocks the thread until it is complete. */
export class Connection {
  readonly #file: DatabaseSync;
  readonly #statements = new Map<string, Prepared>();

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
    const { statement, ordered } = this.#prepared(sql);
    return statement.all(...ordered(values)) as Row[];
  }

  /** The rows one after the other, so that a caller need not read them all. The caller must change nothing meanwhile. */
  each<Row>(sql: string, ...values: readonly Value[]): IterableIterator<Row> {
    const { statement, ordered } = this.#prepared(sql);
    return statement.iterate(...ordered(values)) as IterableIterator<unknown> as IterableIterator<Row>;
  }

  /** The first row. */
  get<Row>(sql: string, ...values: readonly Value[]): Row | undefined {
    const { statement, ordered } = this.#prepared(sql);
    return statement.get(...ordered(values)) as Row | undefined;
  }

  /** @returns the number of changed rows. */
  run(sql: string, ...values: readonly Value[]): number {
    const { statement, ordered } = this.#prepared(sql);
    return Number(statement.run(...ordered(values)).changes);
  }

  close(): void {
    this.#statements.clear();
    this.#file.close();
  }

  /** Compiles each statement once. They are constants of this package, so they are few. */
  #prepared(sql: string): Prepared {
    let prepared = this.#statements.get(sql);
    if (prepared === undefined) {
      const { text, ordered } = plainParameters(sql);
      const statement = this.#file.prepare(text);
      // A double cannot represent the microseconds of the year 9999.
      statement.setReadBigInts(true);
      prepared = { statement, ordered };
      this.#statements.set(sql, prepared);
    }
    return prepared;
  }
}

/** A compiled statement, and its values in the order of its parameters. */
interface Prepared {
  readonly statement: StatementSync;
  readonly ordered: (values: readonly Value[]) => readonly Value[];
}

/** Node 22.13 takes `?1` for a name, and binds no value to it. So each occurrence becomes a `?` of its own. */
function plainParameters(sql: string): Pick<Prepared, 'ordered'> & { readonly text: string } {
  const numbers = [...sql.matchAll(/\?(\d+)/g)].map(([, number]) => Number(number));
  if (numbers.length === 0) return { text: sql, ordered: (values) => values };
  return {
    text: sql.replaceAll(/\?\d+/g, '?'),
    ordered: (values) => numbers.map((number) => values[number - 1] as Value),
  };
}
