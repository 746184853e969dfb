import type { Database } from '../database/database.ts';
import { isPlainSql, type TableCode, tableCodeFault, tableCodeSql } from '../schema/foreign-code.ts';

/** The most tables of which a process remembers that it has checked them. */
const MOST_CHECKED = 100_000;

/** A table that exists. */
export interface FoundTable {
  readonly name: string;
  /** Its object id. */
  readonly id: string;
  /** The size of its file, which contains dead rows and free space. */
  readonly bytes: number;
  /** Its comment, which names its owner. */
  readonly comment: string | null;
  /** Whether it runs no code of other roles. */
  readonly mayRead: boolean;
}

interface CodeRow {
  readonly name: string;
  readonly id: string;
  readonly code: TableCode;
}

const IN_SCHEMA = `WHERE relname = ANY ($1::text[])
  AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $2)`;

/**
 * Finds out which tables may be read, whether this process uses them or not. Checks a
 * table for code of other roles before it is read for the first time, as the partition
 * itself does at its first use.
 */
export class ReadableTables {
  readonly #db: Database;
  /** The object ids of tables that may be read, by name. */
  readonly #checked = new Map<string, string>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** The tables that exist, by name. */
  async find(names: readonly string[]): Promise<ReadonlyMap<string, FoundTable>> {
    const rows = await this.#db.readInBackground<Omit<FoundTable, 'mayRead'>>({
      text: `SELECT relname AS name, oid::text AS id, coalesce(pg_relation_size(oid), 0)::float8 AS bytes,
          obj_description(oid, 'pg_class') AS comment
        FROM pg_class ${IN_SCHEMA}`,
      values: [names, this.#db.schema.name],
    });
    const isNew = ({ name, id }: Pick<FoundTable, 'name' | 'id'>) => this.#checked.get(name) !== id;
    if (rows.some(isNew)) await this.#check(rows.filter(isNew).map(({ name }) => name));
    return new Map(rows.map((row) => [row.name, { ...row, mayRead: !isNew(row) }]));
  }

  async #check(names: readonly string[]): Promise<void> {
    if (this.#checked.size > MOST_CHECKED) this.#checked.clear();
    const values = [names, this.#db.schema.name];
    const plain = await this.#db.readInBackground<Omit<CodeRow, 'code'>>({
      text: `SELECT relname AS name, oid::text AS id FROM pg_class AS class
        ${IN_SCHEMA} AND ${isPlainSql('class')}`,
      values,
    });
    for (const { name, id } of plain) this.#checked.set(name, id);
    if (plain.length === names.length) return;
    const found = new Set(plain.map(({ name }) => name));
    const rows = await this.#db.readInBackground<CodeRow>({
      text: `SELECT relname AS name, oid::text AS id, ${tableCodeSql('class')} AS code
        FROM pg_class AS class ${IN_SCHEMA}`,
      values: [names.filter((name) => !found.has(name)), this.#db.schema.name],
    });
    for (const { name, id, code } of rows) {
      if (tableCodeFault(name, code) === undefined) this.#checked.set(name, id);
    }
  }
}
