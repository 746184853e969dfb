import { StorageError } from '@querator/core';
import { isUndefinedTable, PostgresError } from '../errors/postgres-error.ts';

/** Makes sure that the tables of a call exist. */
export interface TableProvisioner {
  /** Resolves once they exist. */
  ensure(): Promise<void>;
  /** They turned out to be missing: `ensure` checks again. */
  forget(): void;
  /** The error to throw for an error of a call: the same, or one that says more. */
  explain(error: unknown): Promise<unknown>;
}

/** The calls of a backend's stores: each runs once its tables exist, and `close` waits for all of them. */
export class TableCalls {
  readonly #backend: string;
  readonly #running = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  /** @param backend its name, for errors. */
  constructor(backend: string) {
    this.#backend = backend;
  }

  /**
   * Runs an operation once its tables exist. If somebody drops them meanwhile, the
   * operation fails without effect and is repeated once.
   */
  run<T>(tables: TableProvisioner, operation: () => Promise<T>): Promise<T> {
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

  async #onTables<T>(tables: TableProvisioner, operation: () => Promise<T>): Promise<T> {
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

  /** Rejects further calls, waits for those that run, then releases. May be called twice. */
  close(release: () => Promise<void>): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#running).then(release);
    return this.#closing;
  }
}
