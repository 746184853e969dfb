import { RunningWork, RunOnce, StorageError } from '@querator/core';
import { isUndefinedColumn, isUndefinedTable, PostgresError } from '../errors/postgres-error.ts';

/** Makes sure that the tables of a call exist. */
export interface TableProvisioner {
  /** Resolves once they exist. */
  ensure(): Promise<void>;
  /** They turned out to be missing: `ensure` checks again. */
  forget(): void;
  /** The error to throw for an error of a call: the same, or one that says more. */
  explain(error: unknown): Promise<unknown>;
}

/** The tables of several provisioners, for calls that use all of them. */
export function allTables(...provisioners: readonly TableProvisioner[]): TableProvisioner {
  return {
    ensure: async () => {
      for (const each of provisioners) await each.ensure();
    },
    forget: () => {
      for (const each of provisioners) each.forget();
    },
    explain: async (error) => {
      let explained = error;
      for (const each of provisioners) explained = await each.explain(explained);
      return explained;
    },
  };
}

/** The calls of a backend's stores: each runs once its tables exist, and `close` waits for all of them. */
export class TableCalls {
  readonly #backend: string;
  readonly #running = new RunningWork();
  readonly #closing: RunOnce;

  /**
   * @param backend its name, for errors.
   * @param release runs at `close`, once no call runs.
   */
  constructor(backend: string, release: () => Promise<void>) {
    this.#backend = backend;
    this.#closing = new RunOnce(async () => {
      await this.#running.idle();
      await release();
    });
  }

  /**
   * Runs an operation once its tables exist. If they or a column are dropped
   * meanwhile, the operation fails without effect and is repeated once.
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
  track<T>(call: () => Promise<T>): Promise<T> {
    if (!this.#closing.hasBegun) return this.#running.run(call);
    const message = `storage '${this.#backend}': is closed`;
    return Promise.reject(new StorageError(message, { outcome: 'not-applied' }));
  }

  async #onTables<T>(tables: TableProvisioner, operation: () => Promise<T>): Promise<T> {
    await tables.ensure();
    try {
      return await operation();
    } catch (error) {
      if (!isUndefined(error)) throw error;
      tables.forget();
      await tables.ensure();
      return await operation();
    }
  }

  /** Rejects further calls, waits for those that run, then releases. May be called twice. */
  close(): Promise<void> {
    return this.#closing.run();
  }
}

function isUndefined(error: unknown): boolean {
  if (!(error instanceof PostgresError)) return false;
  return isUndefinedTable(error.sqlState) || isUndefinedColumn(error.sqlState);
}
