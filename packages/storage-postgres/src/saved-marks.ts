import type { ItemId } from '@querator/core';
import { getTableName } from 'drizzle-orm';
import type { Database } from './database.ts';
import { lockSchema } from './fixed-schema.ts';
import type { PartitionTable } from './partition-table.ts';
import { isUndefinedTable, PostgresError } from './postgres-error.ts';
import { marksTable } from './schema/marks.ts';
import { renderTable } from './schema/render-ddl.ts';
import { objectId } from './table-name.ts';

const MARKS = getTableName(marksTable);

/** Those of tables that are gone go along. A mark that is further on is kept: both are right. */
const save = (marks: string, table: string) => `
  WITH gone AS (
    DELETE FROM ${marks} AS mark WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = mark.relation_id))
  INSERT INTO ${marks} AS mark (relation, relation_id, mark) VALUES ($1, ${objectId(table)}, $2)
  ON CONFLICT (relation) DO UPDATE SET relation_id = EXCLUDED.relation_id, mark = EXCLUDED.mark
    WHERE mark.relation_id <> EXCLUDED.relation_id OR mark.mark < EXCLUDED.mark`;

const load = (marks: string, table: string) =>
  `SELECT mark FROM ${marks} WHERE relation = $1 AND relation_id = ${objectId(table)}`;

const isPlain = (marks: string) => `
  SELECT relkind = 'r' AND NOT (relhastriggers OR relhasrules OR relrowsecurity) AS plain
  FROM pg_class WHERE oid = ${objectId(marks)}`;

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
  /** Whether the table was looked at, and what was found; undefined: it was not. */
  #isPlain: boolean | undefined;
  /** Whether the table could not be made or written to; then it is not tried again. */
  #refused = false;

  constructor(db: Database) {
    this.#db = db;
  }

  async load(table: PartitionTable): Promise<ItemId | undefined> {
    try {
      const text = load(this.#marks, table.name);
      const [row] = await this.#db.read<{ mark: ItemId }>({ text, values: [table.relation] });
      return row?.mark;
    } catch (error) {
      if (!hasAnswered(error)) throw error;
      return undefined;
    }
  }

  async save(table: PartitionTable, mark: ItemId): Promise<void> {
    if (this.#refused) return;
    try {
      this.#isPlain ??= await this.#lookAtTable();
      this.#refused = !this.#isPlain;
      if (this.#refused) return;
      await this.#db.write({ text: save(this.#marks, table.name), values: [table.relation, mark] });
    } catch (error) {
      this.#isPlain = undefined;
      this.#refused = hasAnswered(error);
    }
  }

  get #marks(): string {
    return this.#db.schema.relation(MARKS);
  }

  /**
   * Makes the table where it is missing.
   *
   * @returns whether nothing is hung on it that would run, as this user, what somebody else has written.
   */
  async #lookAtTable(): Promise<boolean> {
    const look = () => this.#db.read<{ plain: boolean }>({ text: isPlain(this.#marks) });
    const [found] = await look().catch((error: unknown) => {
      if (!(error instanceof PostgresError && isUndefinedTable(error.sqlState))) throw error;
      return [];
    });
    if (found !== undefined) return found.plain;
    await this.#db.maintenance(async (session) => {
      await lockSchema(session, MARKS);
      const nameOf = (relation: string) => this.#db.schema.relation(relation);
      for (const text of renderTable(marksTable, { nameOf })) await session.query({ text });
    });
    return (await look())[0]?.plain ?? false;
  }
}

/** Whether the server refused the statement, as where the table or a right is missing. */
function hasAnswered(error: unknown): boolean {
  if (!(error instanceof PostgresError)) return false;
  return error.sqlState?.startsWith('42') === true;
}
