import type { ItemId } from '@querator/core';
import type { Database } from '../database/database.ts';
import { objectId } from '../database/quoted-name.ts';
import { isUndefinedTable, PostgresError } from '../errors/postgres-error.ts';
import { getTableName } from '../schema/drizzle.ts';
import { lockSchema } from '../schema/fixed-schema.ts';
import { tableCodeFault } from '../schema/foreign-code.ts';
import { findTable } from '../schema/found-table.ts';
import { marksTable } from '../schema/tables/marks.ts';
import { renderTable } from '../schema/tables/render-ddl.ts';
import type { PartitionTable } from '../sql/partition-table.ts';

const MARKS = getTableName(marksTable);

/** The number of saves between two removals of marks whose tables are gone, which read all marks. */
const SAVES_BETWEEN_CLEANINGS = 1_000;

const clean = (marks: string) => `
  DELETE FROM ${marks} AS mark WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = mark.relation_id)`;

/** Keeps the greater mark: both are correct. */
const save = (marks: string, table: string) => `
  INSERT INTO ${marks} AS mark (relation, relation_id, mark) VALUES ($1, ${objectId(table)}, $2)
  ON CONFLICT (relation) DO UPDATE SET relation_id = EXCLUDED.relation_id, mark = EXCLUDED.mark
    WHERE mark.relation_id <> EXCLUDED.relation_id OR mark.mark < EXCLUDED.mark`;

const load = (marks: string, table: string) =>
  `SELECT mark FROM ${marks} WHERE relation = $1 AND relation_id = ${objectId(table)}`;

/** Where marks are saved. */
export interface SavedMarks {
  /** The saved mark of a partition. Undefined if there is none. */
  load(table: PartitionTable): Promise<ItemId | undefined>;
  /** Saves a partition's mark, if possible. */
  save(table: PartitionTable, mark: ItemId): Promise<void>;
}

/**
 * Saves marks for processes that start later; see `LowWaterMark`. The marks are in the
 * same database as the items. So a restored or promoted server that lacks a lease also
 * lacks the marks that depend on it.
 *
 * Marks are optional. If the table cannot be created or written, a process that starts
 * has to search for itself.
 */
export class MarksTable implements SavedMarks {
  readonly #db: Database;
  /** Whether the table may be used. Undefined if it did not exist at the last check. */
  #isUsable: boolean | undefined;
  /** The number of saves until the next removal. */
  #savesToCleaning = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  async load(table: PartitionTable): Promise<ItemId | undefined> {
    try {
      this.#isUsable ??= await this.#checkTable();
      if (this.#isUsable !== true) return undefined;
      const text = load(this.#marks, table.name);
      const [row] = await this.#db.read<{ mark: ItemId }>({ text, values: [table.relation] });
      return row?.mark;
    } catch (error) {
      if (!this.#isRefusal(error)) throw error;
      return undefined;
    }
  }

  async save(table: PartitionTable, mark: ItemId): Promise<void> {
    try {
      this.#isUsable ??= (await this.#checkTable()) ?? (await this.#makeTable());
      if (!this.#isUsable) return;
      await this.#db.write({ text: save(this.#marks, table.name), values: [table.relation, mark] });
      if (this.#savesToCleaning-- > 0) return;
      this.#savesToCleaning = SAVES_BETWEEN_CLEANINGS;
      await this.#db.write({ text: clean(this.#marks) });
    } catch (error) {
      // The mark is saved again as it advances.
      this.#isRefusal(error);
    }
  }

  get #marks(): string {
    return this.#db.schema.relation(MARKS);
  }

  /**
   * Checks the table before the first statement names it. A view or constraint that
   * another user has put there could run code with our rights, and its owner could
   * hide items behind a mark.
   *
   * @returns whether it may be used. Undefined if it does not exist.
   */
  async #checkTable(): Promise<boolean | undefined> {
    const found = await findTable((statement) => this.#db.read(statement), this.#db.schema.name, MARKS);
    if (found === undefined) return undefined;
    return found.code.trusted && tableCodeFault(MARKS, found.code) === undefined;
  }

  /** @returns whether the table that exists now may be used. */
  async #makeTable(): Promise<boolean> {
    await this.#db.maintenance(async (session) => {
      await lockSchema(session, MARKS);
      const nameOf = (relation: string) => this.#db.schema.relation(relation);
      for (const text of renderTable(marksTable, { nameOf })) await session.query({ text });
    });
    return (await this.#checkTable()) ?? false;
  }

  /**
   * Whether the server refused the statement, for example because a right is missing.
   * A refused statement is not tried again. A table that was dropped is created again.
   */
  #isRefusal(error: unknown): boolean {
    if (!(error instanceof PostgresError)) return false;
    const isGone = isUndefinedTable(error.sqlState);
    const isRefused = error.sqlState?.startsWith('42') === true;
    if (isGone) this.#isUsable = undefined;
    else if (isRefused) this.#isUsable = false;
    return isRefused;
  }
}
