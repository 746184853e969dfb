import { type Logger, type PartitionKey, StorageError, silentLogger } from '@querator/core';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Database } from './database.ts';
import { FIXED_RELATIONS, keepFixedSchema, lockSchema } from './fixed-schema.ts';
import { nameMissingGrants } from './missing-grants.ts';
import { PostgresError } from './postgres-error.ts';
import { itemsTable } from './schema/items.ts';
import { MIGRATIONS, type Migration } from './schema/migrations.ts';
import { renderTable } from './schema/render-ddl.ts';
import {
  ITEMS_STORAGE_PARAMETERS,
  missingParameters,
  renderParameters,
} from './schema/storage-parameters.ts';
import type { TableCare } from './store-calls.ts';
import { itemsTableName } from './table-name.ts';

const FIXED = 'fixed';

/** What a look at a partition's table found. */
interface FoundTable {
  readonly options: readonly string[] | null;
  /** Whether we may change it. */
  readonly ours: boolean;
}

/** What a keeper works with. */
export interface SchemaKeeperDeps {
  /** The storage's name, for errors and the log. */
  readonly backend: string;
  readonly logger?: Logger | undefined;
  /** Other than the real ones, for tests. */
  readonly migrations?: readonly Migration[] | undefined;
}

/**
 * Sees to it that tables are there before they are used, and are of our
 * version. What was found or made is remembered, a failure is not: whoever
 * upgrades the server or grants a right need not restart anything.
 */
export class SchemaKeeper {
  readonly #db: Database;
  readonly #backend: string;
  readonly #logger: Logger;
  readonly #migrations: readonly Migration[];
  readonly #known = new Map<string, Promise<void>>();

  constructor(db: Database, { backend, logger = silentLogger, migrations = MIGRATIONS }: SchemaKeeperDeps) {
    this.#db = db;
    this.#backend = backend;
    this.#logger = logger;
    this.#migrations = migrations;
  }

  /** The table of queues, and the sequence of item ids. */
  get fixed(): TableCare {
    return {
      ensure: () => this.#ensureFixed(),
      forget: () => void this.#known.delete(FIXED),
      explain: (error) => nameMissingGrants(error, this.#db, FIXED_RELATIONS),
    };
  }

  /** The table of a partition, and what it rests on. */
  partition(key: PartitionKey): TableCare {
    const name = itemsTableName(key);
    return {
      ensure: () => this.#once(name, () => this.#makePartition(name, key)),
      forget: () => {
        this.#known.delete(name);
        this.#known.delete(FIXED);
      },
      explain: (error) => nameMissingGrants(error, this.#db, [...FIXED_RELATIONS, name]),
    };
  }

  /** Drops a partition's table with all that is in it; the next use makes a new one. */
  async dropPartition(key: PartitionKey): Promise<void> {
    const name = itemsTableName(key);
    this.#known.delete(name);
    await this.#db.maintenance(async (session) => {
      await lockSchema(session, name);
      await session.query({ text: `DROP TABLE IF EXISTS ${name}` });
    });
    this.#known.delete(name);
  }

  #ensureFixed(): Promise<void> {
    const refuse = (reason: string) =>
      new StorageError(`storage '${this.#backend}': ${reason}`, { outcome: 'not-applied' });
    return this.#once(FIXED, () => keepFixedSchema(this.#db, this.#migrations, refuse));
  }

  /**
   * Looks first: mostly everything is there, and a user who may not create
   * tables can still use them. A table comes with its indexes or not at all,
   * so that seeing the table is enough.
   */
  async #makePartition(name: string, key: PartitionKey): Promise<void> {
    await this.#ensureFixed();
    const [found] = await this.#db.read<FoundTable>({
      text: `SELECT reloptions AS options, pg_has_role(relowner, 'USAGE') AS ours
        FROM pg_class WHERE oid = to_regclass($1)`,
      values: [name],
    });
    if (found !== undefined) return await this.#setParameters(name, found);
    const table: PgTable = itemsTable(key.queue, key.partition);
    await this.#db.maintenance(async (session) => {
      await lockSchema(session, name);
      const statements = renderTable(table, renderParameters(ITEMS_STORAGE_PARAMETERS));
      for (const text of statements) await session.query({ text });
    });
  }

  /**
   * Gives a table from before there were storage parameters its own. One table
   * at a time, at first contact, and not in a migration: a transaction over
   * thousands of tables needs more locks than a server has. No request fails
   * for it: a table that somebody else owns or has locked gets them another time.
   */
  async #setParameters(name: string, { options, ours }: FoundTable): Promise<void> {
    const missing = renderParameters(missingParameters(options));
    if (missing === '' || !ours) return;
    try {
      await this.#db.transaction((session) =>
        session.query({ text: `ALTER TABLE ${name} SET (${missing})` }),
      );
    } catch (error) {
      if (!(error instanceof PostgresError) || error.sqlState === undefined) throw error;
      this.#logger.warn('storage parameters were not set', {
        storage: this.#backend,
        table: name,
        reason: error.message,
      });
    }
  }

  #once(name: string, make: () => Promise<void>): Promise<void> {
    let known = this.#known.get(name);
    if (known === undefined) {
      known = make().catch((error: unknown) => {
        if (this.#known.get(name) === known) this.#known.delete(name);
        throw error;
      });
      this.#known.set(name, known);
    }
    return known;
  }
}
