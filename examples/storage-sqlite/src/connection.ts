import { DatabaseSync, type DatabaseSyncOptions, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { SCHEMA } from './schema.ts';

/** How long SQLite waits for the transaction of another process. It blocks the event loop meanwhile. */
const BUSY_TIMEOUT_MS = 5_000;

/** Values for the `:names` in a statement. */
export type Bindings = Record<string, SQLInputValue>;

/** Opens a file of SQLite. */
export type OpenFile = (path: string, options: DatabaseSyncOptions) => DatabaseSync;

/** An open file. Calls block until they are complete, so transactions never interleave. */
export class Connection {
  readonly #file: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string, openFile: OpenFile = (file, options) => new DatabaseSync(file, options)) {
    // Read every integer as a bigint: a double cannot represent the microseconds of the year 9999.
    this.#file = openFile(path, { timeout: BUSY_TIMEOUT_MS, readBigInts: true });
    try {
      useWriteAheadLog(this.#file);
      // A committed transaction survives a power failure.
      this.#file.exec('pragma synchronous = full');
      this.transaction(() => this.#file.exec(SCHEMA));
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /**
   * Runs `work` as one transaction. It takes the write lock at the start: a
   * transaction that reads first and locks later fails if another wrote in between.
   */
  transaction<T>(work: () => T): T {
    this.#file.exec('begin immediate');
    try {
      const result = work();
      this.#file.exec('commit');
      return result;
    } catch (error) {
      // On a full disk SQLite has already rolled back.
      if (this.#file.isTransaction) this.#file.exec('rollback');
      throw error;
    }
  }

  /** All rows. `Row` has the selected columns. */
  all<Row>(sql: string, bindings: Bindings): Row[] {
    return this.#statement(sql).all(bindings) as Row[];
  }

  /** The first row, or undefined. */
  get<Row>(sql: string, bindings: Bindings): Row | undefined {
    return this.#statement(sql).get(bindings) as Row | undefined;
  }

  /** @returns the number of changed rows. */
  run(sql: string, bindings: Bindings): number {
    return Number(this.#statement(sql).run(bindings).changes);
  }

  close(): void {
    this.#file.close();
  }

  /** Compiles each statement once. All are constants of this package, so they are few. */
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
 * Switches the file to the write-ahead log, so that readers continue while
 * another process writes. The setting is stored in the file.
 *
 * If several processes switch a new file at the same moment, SQLite refuses
 * them immediately, whatever the timeout. A process that first waits for the
 * write lock finds the file switched, or can switch it alone.
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
