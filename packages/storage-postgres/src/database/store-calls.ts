import { StorageError } from '@querator/core';
import { isUndefinedTable, PostgresError } from '../errors/postgres-error.ts';

/** Sees to it that the tables a call needs are there. */
export interface TableCare {
  /** Fulfilled once they are. */
  ensure(): Promise<void>;
  /** They turned out to be gone: `ensure` is to look again. */
  forget(): void;
  /** What to throw for an error of a call: itself, or one that says more. */
  explain(error: unknown): Promise<unknown>;
}

/** The calls of a backend's stores: each finds its tables, and `close` waits for all of them. */
export class StoreCalls {
  readonly #backend: string;
  readonly #running = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  /** @param backend its name, for errors. */
  constructor(backend: string) {
    this.#backend = backend;
  }

  /**
   * Runs an operation on tables that are there. Should somebody have dropped
   * them meanwhile, the operation failed without a trace and starts over, once.
   */
  run<T>(tables: TableCare, operation: () => Promise<T>): Promise<T> {
    return this.track(async () => {
      try {
        return await this.#onTables(tables, operation);
      } catch (error) {
        throw await tables.explain(error);
      }
    });
  }

  /** Runs a call that needs no tables. */
  async track<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) {
      throw new StorageError(`storage '${this.#backend}': is closed`, { outcome: 'not-applied' });
    }
    const running = call();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async #onTables<T>(tables: TableCare, operation: () => Promise<T>): Promise<T> {
    await tables.ensure();
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof PostgresError && isUndefinedTable(error.sqlState))) throw error;
      tables.forget();
      await tables.ensure();
      return await operation();
    }
  }

  /** Refuses further calls, waits for those that run, then lets go. Twice is once. */
  close(letGo: () => Promise<void>): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#running).then(letGo);
    return this.#closing;
  }
}
