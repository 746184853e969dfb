import type { Instant, Logger } from '@querator/core';
import { millisecondsBetween } from '@querator/core';
import type { Database } from '../database/database.ts';
import { PostgresError } from '../errors/postgres-error.ts';

/** How long the lock on the table may be waited for. Servers of other versions write to it. */
const LOCK_MS = 100;
/** The time between two attempts to add the column. */
const RETRY_MS = 3_600_000;

/**
 * The column `depth` of the table of rates, which tables of earlier versions lack. Added at
 * the first write that needs it. Servers of those versions name the columns that they
 * write, so they work beside it. A table that this server may not alter stays without it.
 */
export class DepthColumn {
  readonly #db: Database;
  readonly #logger: Logger;
  readonly #table: string;
  #isThere: boolean | undefined;
  #triedAt: Instant | undefined;

  /** @param table its name without the schema. */
  constructor({
    db,
    logger,
    table,
  }: { readonly db: Database; readonly logger: Logger; readonly table: string }) {
    this.#db = db;
    this.#logger = logger;
    this.#table = table;
  }

  /** Whether the table, which exists, has the column. Adds it, unless the last try was an hour ago or less. */
  async provide(): Promise<boolean> {
    if (this.#isThere === true || !this.#isTryDue()) return this.#isThere === true;
    this.#triedAt = this.#db.clock.now();
    this.#isThere = (await this.#exists()) || (await this.#add());
    return this.#isThere;
  }

  /** A write did not find the column: looks for it again. */
  forget(): void {
    this.#isThere = undefined;
    this.#triedAt = undefined;
  }

  #isTryDue(): boolean {
    return (
      this.#triedAt === undefined || millisecondsBetween(this.#triedAt, this.#db.clock.now()) >= RETRY_MS
    );
  }

  async #exists(): Promise<boolean> {
    const rows = await this.#db.read({
      text: `SELECT attname FROM pg_attribute
        WHERE attrelid = to_regclass($1) AND attname = 'depth' AND NOT attisdropped`,
      values: [this.#db.schema.relation(this.#table)],
    });
    return rows.length > 0;
  }

  async #add(): Promise<boolean> {
    const table = this.#db.schema.relation(this.#table);
    try {
      await this.#db.transaction(async (session) => {
        await session.query({ text: `SET LOCAL lock_timeout = ${LOCK_MS}` });
        await session.query({ text: `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS depth jsonb` });
      });
      return true;
    } catch (error) {
      if (!(error instanceof PostgresError) || error.sqlState === undefined) throw error;
      const fields = { table: this.#table, column: 'depth', reason: error.message };
      this.#logger.info('rates are kept without what queues hold; another try follows in an hour', fields);
      return false;
    }
  }
}
