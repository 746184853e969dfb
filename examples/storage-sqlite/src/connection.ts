import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { SCHEMA } from './schema.ts';

/** How long SQLite waits for another process to end its transaction. The event loop stands still meanwhile. */
const BUSY_TIMEOUT_MS = 5_000;

/** Values for the `:names` in a statement. */
export type Bindings = Record<string, SQLInputValue>;

/** An open file. Calls block until they are done, so a transaction is never interleaved with another one. */
export class Connection {
  readonly #file: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    // Every integer is read as a bigint: a double cannot hold the microseconds of the year 9999.
    this.#file = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readBigInts: true });
    try {
      useWriteAheadLog(this.#file);
      // What is committed survives a power cut.
      this.#file.exec('pragma synchronous = full');
      this.transaction(() => this.#file.exec(SCHEMA));
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /**
   * All that `work` does, or nothing. The lock is taken at the start: a
   * transaction that reads first and locks later fails if another wrote in between.
   */
  transaction<T>(work: () => T): T {
    this.#file.exec('begin immediate');
    try {
      const result = work();
      this.#file.exec('commit');
      return result;
    } catch (error) {
      // A full disk makes SQLite roll back by itself.
      if (this.#file.isTransaction) this.#file.exec('rollback');
      throw error;
    }
  }

  /** All rows; `Row` says what the statement selects. */
  all<Row>(sql: string, bindings: Bindings): Row[] {
    return this.#statement(sql).all(bindings) as Row[];
  }

  /** The first row, or nothing. */
  get<Row>(sql: string, bindings: Bindings): Row | undefined {
    return this.#statement(sql).get(bindings) as Row | undefined;
  }

  /** @returns how many rows were changed. */
  run(sql: string, bindings: Bindings): number {
    return Number(this.#statement(sql).run(bindings).changes);
  }

  close(): void {
    this.#file.close();
  }

  /** Statements are compiled once. All of them are constants of this package, so they are few. */
  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#file.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/**
 * Lets readers go on while another process writes. The file remembers it.
 *
 * Processes that switch a new file at the same moment refuse each other at
 * once, whatever the timeout; one that has waited for its turn to write finds
 * the file switched, or nobody in its way.
 */
function useWriteAheadLog(file: DatabaseSync, attempts = 5): void {
  try {
    file.exec('pragma journal_mode = wal');
  } catch (error) {
    if (attempts === 1) throw error;
    file.exec('begin immediate; commit');
    useWriteAheadLog(file, attempts - 1);
  }
}
