import { StorageError } from '@querator/core';
import { Connection, type OpenFile } from './connection.ts';

/** The file of one backend. Opens it at the first use, and converts its failures to errors of the ports. */
export class Database {
  readonly #name: string;
  readonly #path: string;
  readonly #openFile: OpenFile | undefined;
  #connection: Connection | undefined;
  #closed = false;

  constructor(name: string, path: string, openFile?: OpenFile) {
    this.#name = name;
    this.#path = path;
    this.#openFile = openFile;
  }

  /** Runs `work` as one transaction. It is durable once the promise is fulfilled, and has no effect if it rejects. */
  async transaction<T>(work: (connection: Connection) => T): Promise<T> {
    return this.#guard((connection) => connection.transaction(() => work(connection)));
  }

  /** Runs a single statement that only reads. It reads the committed state, and waits for no writer. */
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
      // If opening fails, the next call tries again.
      this.#connection ??= new Connection(this.#path, this.#openFile);
      return work(this.#connection);
    } catch (error) {
      throw isSqliteError(error) ? this.#storageError(error) : error;
    }
  }

  /** SQLite's messages name tables and columns, but never their contents. */
  #storageError(cause: SqliteError): StorageError {
    // The disk may fail after it has stored the commit. Every other failure is rolled back.
    const outcome = (cause.errcode & PRIMARY_CODE) === IO_ERROR ? 'unknown' : 'not-applied';
    return new StorageError(`storage '${this.#name}': ${cause.message}`, { outcome, cause });
  }
}

/** SQLite's code for a failing disk. The bits above the first eight contain the place of the failure. */
const IO_ERROR = 10;
const PRIMARY_CODE = 0xff;

interface SqliteError extends Error {
  readonly errcode: number;
}

/** Any other error comes from a caller's callback or is a fault of this driver, and passes unchanged. */
function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'errcode' in error;
}
