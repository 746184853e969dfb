import { StorageError } from '@querator/core';
import { Connection } from './connection.ts';

/** The file of one backend: opened when it is first needed, and its failures put in the words of the ports. */
export class Database {
  readonly #name: string;
  readonly #path: string;
  #connection: Connection | undefined;
  #closed = false;

  constructor(name: string, path: string) {
    this.#name = name;
    this.#path = path;
  }

  /** Runs `work` as one step that is durable when the promise is fulfilled, and never happened when it fails. */
  async transaction<T>(work: (connection: Connection) => T): Promise<T> {
    return this.#guard((connection) => connection.transaction(() => work(connection)));
  }

  /** Runs a single statement that changes nothing. It sees what was committed, and waits for no writer. */
  async read<T>(work: (connection: Connection) => T): Promise<T> {
    return this.#guard(work);
  }

  close(): void {
    this.#closed = true;
    this.#connection?.close();
    this.#connection = undefined;
  }

  #guard<T>(work: (connection: Connection) => T): T {
    if (this.#closed) {
      throw new StorageError(`storage '${this.#name}' is closed`, { outcome: 'not-applied' });
    }
    try {
      // Where opening fails nothing is kept, and the next call tries again.
      this.#connection ??= new Connection(this.#path);
      return work(this.#connection);
    } catch (error) {
      throw isSqliteError(error) ? this.#storageError(error) : error;
    }
  }

  /** SQLite's messages name tables and columns, never what is in them. */
  #storageError(cause: SqliteError): StorageError {
    // The disk may fail after the commit is on it; everything else that fails is rolled back.
    const outcome = (cause.errcode & PRIMARY_CODE) === IO_ERROR ? 'unknown' : 'not-applied';
    return new StorageError(`storage '${this.#name}': ${cause.message}`, { outcome, cause });
  }
}

/** SQLite's code for a failing disk; the bits above the first eight say where it failed. */
const IO_ERROR = 10;
const PRIMARY_CODE = 0xff;

interface SqliteError extends Error {
  readonly errcode: number;
}

/** Anything else is the error of a caller's callback or a mistake in this driver, and passes as it is. */
function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'errcode' in error;
}
