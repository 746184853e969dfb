import type { ItemId } from '@querator/core';
import { getTableName } from 'drizzle-orm';
import type { Database } from '../database/database.ts';
import { objectId } from '../database/quoted-name.ts';
import { isUndefinedTable, PostgresError } from '../errors/postgres-error.ts';
import { lockSchema } from '../schema/fixed-schema.ts';
import { tableCodeFault } from '../schema/foreign-code.ts';
import { findTable } from '../schema/found-table.ts';
import { marksTable } from '../schema/tables/marks.ts';
import { renderTable } from '../schema/tables/render-ddl.ts';
import type { PartitionTable } from '../sql/partition-table.ts';

const MARKS = getTableName(marksTable);

/** So many marks are written before those of tables that are gone are looked for again: that reads all marks. */
const SAVES_BETWEEN_CLEANINGS = 1_000;

const clean = (marks: string) => `
  DELETE FROM ${marks} AS mark WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = mark.relation_id)`;

/** A mark that is further on is kept: both are right. */
const save = (marks: string, table: string) => `
  INSERT INTO ${marks} AS mark (relation, relation_id, mark) VALUES ($1, ${objectId(table)}, $2)
  ON CONFLICT (relation) DO UPDATE SET relation_id = EXCLUDED.relation_id, mark = EXCLUDED.mark
    WHERE mark.relation_id <> EXCLUDED.relation_id OR mark.mark < EXCLUDED.mark`;

const load = (marks: string, table: string) =>
  `SELECT mark FROM ${marks} WHERE relation = $1 AND relation_id = ${objectId(table)}`;

/** Where marks are written down. */
export interface SavedMarks {
  /** The mark that was written down for a partition; undefined: none was. */
  load(table: PartitionTable): Promise<ItemId | undefined>;
  /** Writes a partition's mark down, if that can be done. */
  save(table: PartitionTable, mark: ItemId): Promise<void>;
}

/**
 * Marks written down for processes that start; see `LowWaterMark`. They are in
 * the database whose items they speak of, and so follow it wherever it goes: a
 * server that lacks an item's lease lacks the marks that rest on it.
 *
 * Nothing depends on their being there. Where the table cannot be made or
 * written to, a process that starts has to look for itself.
 */
export class MarksTable implements SavedMarks {
  readonly #db: Database;
  /** Whether the table may be used; undefined: it was not there when it was looked for. */
  #isUsable: boolean | undefined;
  /** How many marks are to be written before the next cleaning. */
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
      // Another time, perhaps: the mark is written again as it goes on.
      this.#isRefusal(error);
    }
  }

  get #marks(): string {
    return this.#db.schema.relation(MARKS);
  }

  /**
   * Before the first statement that names the table: a view or a constraint that
   * somebody else has put there would run, as this user, what they have written.
   *
   * @returns whether it may be used; undefined: it is not there.
   */
  async #checkTable(): Promise<boolean | undefined> {
    const found = await findTable((statement) => this.#db.read(statement), this.#db.schema.name, MARKS);
    return found && tableCodeFault(MARKS, found.code) === undefined;
  }

  /** @returns whether the table that is there now may be used. */
  async #makeTable(): Promise<boolean> {
    await this.#db.maintenance(async (session) => {
      await lockSchema(session, MARKS);
      const nameOf = (relation: string) => this.#db.schema.relation(relation);
      for (const text of renderTable(marksTable, { nameOf })) await session.query({ text });
    });
    return (await this.#checkTable()) ?? false;
  }

  /**
   * Whether the server has refused the statement, as where a right is missing.
   * That is not tried again; a table that was dropped is made anew.
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
