import type { Logger } from '@querator/core';
import type { Database } from '../database/database.ts';
import { LOCK_TIMED_OUT, PostgresError } from '../errors/postgres-error.ts';
import { METADATA_COLUMN, type MetadataColumn } from '../sql/metadata-column.ts';
import type { FoundTable } from './found-table.ts';

/** How long the lock on a table may be waited for. Other statements on the table wait behind it. */
const LOCK_MS = 100;

const { name: COLUMN, type: TYPE } = METADATA_COLUMN;

/** Dependencies of {@link MetadataColumns}. */
interface MetadataColumnsDeps {
  readonly db: Database;
  /** The storage's name, for the log. */
  readonly storage: string;
  readonly logger: Logger;
}

/** A table, and what is known of its column. */
interface CheckedTable {
  /** Without its schema. */
  readonly name: string;
  readonly metadata: MetadataColumn;
}

/**
 * Adds the column for the details of items to the tables of earlier versions: to each
 * at its first use, and not in a migration. A transaction over thousands of tables
 * needs more locks than a server has.
 *
 * It fails no request. A table that another role owns or another session has locked
 * stays without the column until a later try, and serves all requests that do not need
 * it.
 */
export class MetadataColumns {
  readonly #deps: MetadataColumnsDeps;

  constructor(deps: MetadataColumnsDeps) {
    this.#deps = deps;
  }

  /** Finds out whether a table has the column. If not, adds it, unless the last try was a moment ago. */
  async provide({ name, metadata }: CheckedTable, { shape, ours }: FoundTable): Promise<void> {
    const { db, storage, logger } = this.#deps;
    const column = shape.columns.find((each) => each.name === COLUMN);
    if (column?.type === TYPE) return metadata.found();
    const table = db.schema.relation(name);
    if (column !== undefined) {
      return metadata.missing(
        `table ${name} has the column ${COLUMN} with the type ${column.type}; expected ${TYPE}`,
      );
    }
    const lacks = `table ${name} lacks the column ${COLUMN}, run: ALTER TABLE ${table} ADD COLUMN ${COLUMN} ${TYPE}`;
    metadata.missing(lacks);
    if (!metadata.isTryDue(db.clock)) return;
    metadata.tryBegins(db.clock);
    if (!ours) return;
    try {
      await db.transaction(async (session) => {
        await session.query({ text: `SET LOCAL lock_timeout = ${LOCK_MS}` });
        await session.query({ text: `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${COLUMN} ${TYPE}` });
      });
      metadata.found();
    } catch (error) {
      if (!(error instanceof PostgresError) || error.sqlState === undefined) throw error;
      if (error.sqlState === LOCK_TIMED_OUT) metadata.locked();
      const fields = { storage, table: name, column: COLUMN, reason: error.message };
      logger.warn('column was not added to a table; another try follows', fields);
    }
  }
}
