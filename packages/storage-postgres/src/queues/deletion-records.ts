import {
  type Clock,
  DELETION_RECORD_TIMEOUT,
  type Instant,
  type Logger,
  silentLogger,
  toMilliseconds,
} from '@querator/core';
import type { Database } from '../database/database.ts';
import { isPermissionDenied, isUndefinedTable, PostgresError } from '../errors/postgres-error.ts';
import { getTableName } from '../schema/drizzle.ts';
import { lockSchema } from '../schema/fixed-schema.ts';
import { type TableCode, tableCodeFault, tableOwnerFault } from '../schema/foreign-code.ts';
import { findTable } from '../schema/found-table.ts';
import { deletedQueuesTable } from '../schema/tables/deleted-queues.ts';
import { queuesTable } from '../schema/tables/queues.ts';
import { renderTable } from '../schema/tables/render-ddl.ts';
import { nowSql } from '../sql/partition-table.ts';
import { instantToText } from '../wire/instant-text.ts';

const RECORDS = getTableName(deletedQueuesTable);
const QUEUES = getTableName(queuesTable);

const WHICH_QUEUE = 'name = $1 AND ($2::timestamptz IS NULL OR created_at = $2::timestamptz)';
const WHICH_RECORD = 'name = $1 AND created_at = $2::timestamptz';

/**
 * SQL that deletes a queue without recording it. Parameters: its name, and when it was
 * created or null. Returns a row if the queue existed.
 */
export const deleteQueueFrom = (queues: string) => `DELETE FROM ${queues} WHERE ${WHICH_QUEUE} RETURNING 1`;

const deleteAndRecord = (queues: string, records: string) => `
  WITH gone AS (DELETE FROM ${queues} WHERE ${WHICH_QUEUE} RETURNING name, created_at),
  recorded AS (
    INSERT INTO ${records} (name, created_at) SELECT name, created_at FROM gone
    ON CONFLICT (name, created_at) DO UPDATE SET done_at = NULL)
  SELECT 1 FROM gone`;

/** Also removes the records of deletions that were finished long ago. */
const markDone = (records: string) => `
  WITH old AS (
    DELETE FROM ${records} WHERE done_at < ${nowSql('$3')} - interval '${toMilliseconds(DELETION_RECORD_TIMEOUT)} milliseconds')
  UPDATE ${records} SET done_at = ${nowSql('$3')} WHERE ${WHICH_RECORD}`;

/** Records which queues were deleted, as opposed to being missing; see core's `QueueStore.wasDeleted`. */
export class DeletionRecords {
  readonly #db: Database;
  readonly #logger: Logger;
  readonly #clock: Clock | undefined;
  readonly #inspectCode: (() => Promise<TableCode | undefined>) | undefined;
  /** Whether the table exists, runs no code of other users, and belongs to a trusted one. */
  #isChecked = false;
  #warned = false;

  constructor(deps: {
    readonly db: Database;
    readonly logger?: Logger | undefined;
    /** Replaces the database's clock, for tests. */
    readonly clock?: Clock | undefined;
    /**
     * Finds code that would run with our rights; see {@link codeOfDeletions}.
     * Undefined: there is known to be none.
     */
    readonly inspectCode?: (() => Promise<TableCode | undefined>) | undefined;
  }) {
    this.#db = deps.db;
    this.#logger = deps.logger ?? silentLogger;
    this.#clock = deps.clock;
    this.#inspectCode = deps.inspectCode;
  }

  /**
   * Runs a deletion with the statement to send. It deletes and records the queue. If
   * the right for that is missing, it is {@link deleteQueueFrom}. Both take the same
   * parameters and return the same rows.
   *
   * @param deletion fails without effect, and may be repeated.
   */
  async deleting<T>(deletion: (text: string) => Promise<T>): Promise<T> {
    if (!(await this.#mayUse())) return deletion(deleteQueueFrom(this.#queues));
    try {
      return await this.#onTable(() => deletion(deleteAndRecord(this.#queues, this.#records)));
    } catch (error) {
      if (!isPermissionDenied(error)) throw error;
      this.#warn(error);
      return deletion(deleteQueueFrom(this.#queues));
    }
  }

  /** Whether there is a record of that queue. */
  async has(name: string, createdAt: Instant): Promise<boolean> {
    if (!(await this.#mayUse())) return false;
    try {
      const rows = await this.#db.read({
        text: `SELECT 1 FROM ${this.#records} WHERE ${WHICH_RECORD}`,
        values: [name, instantToText(createdAt)],
      });
      return rows.length > 0;
    } catch (error) {
      if (isMissing(error)) return false;
      if (!isPermissionDenied(error)) throw error;
      this.#warn(error);
      return false;
    }
  }

  /** Nothing of that queue is left. */
  async done(name: string, createdAt: Instant): Promise<void> {
    if (!(await this.#mayUse())) return;
    const now = this.#clock === undefined ? null : instantToText(this.#clock.now());
    try {
      await this.#db.write({ text: markDone(this.#records), values: [name, instantToText(createdAt), now] });
    } catch (error) {
      if (isMissing(error)) return;
      if (!isPermissionDenied(error)) throw error;
      this.#warn(error);
    }
  }

  get #queues(): string {
    return this.#db.schema.relation(QUEUES);
  }

  get #records(): string {
    return this.#db.schema.relation(RECORDS);
  }

  /**
   * Whether a statement may name the table. The check at a server's start is not
   * enough. The table is created later, and another user may have been faster.
   */
  async #mayUse(): Promise<boolean> {
    if (this.#isChecked || this.#inspectCode === undefined) return true;
    const code = await this.#inspectCode();
    if (code === undefined) return true;
    const fault =
      tableCodeFault(RECORDS, code) ??
      tableOwnerFault(RECORDS, code, 'could make this server take queues for deleted');
    this.#isChecked = fault === undefined;
    if (fault !== undefined) this.#warn(new Error(fault));
    return this.#isChecked;
  }

  async #onTable<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isMissing(error)) throw error;
      await this.#db.maintenance(async (session) => {
        await lockSchema(session, RECORDS);
        const nameOf = (relation: string) => this.#db.schema.relation(relation);
        for (const text of renderTable(deletedQueuesTable, { nameOf })) await session.query({ text });
      });
      return await work();
    }
  }

  #warn(error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#logger.warn(
      'deletions of queues are not recorded; items that a server stores while its queue is deleted may need `querator storage drop`',
      { table: RECORDS, reason: error instanceof Error ? error.message : undefined },
    );
  }
}

/** Code that would run with our rights when the table is used. Undefined if there is no such table yet. */
export async function codeOfDeletions(db: Database): Promise<TableCode | undefined> {
  return (await findTable((statement) => db.read(statement), db.schema.name, RECORDS))?.code;
}

/** Whether a table is missing, which may be another one than that of the records. */
function isMissing(error: unknown): boolean {
  return error instanceof PostgresError && isUndefinedTable(error.sqlState);
}
