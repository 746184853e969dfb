import type { PartitionKey, PartitionSize } from '@querator/core';
import type { Database } from '../database/database.ts';
import { type TableCode, tableCodeFault, tableCodeSql } from '../schema/foreign-code.ts';
import { itemsTableName } from '../sql/table-name.ts';
import { readTables, type TableRow } from './read-tables.ts';

/** The number of tables that one statement measures. */
const TABLES_AT_ONCE = 20;
/** A greater table is not read as a whole. In bytes. */
const WHOLE_BYTES = 80_000_000;
/** Items of such a table that are counted one by one. */
const FEW_ITEMS = 50_000;

interface SizeRow extends TableRow {
  readonly items: number;
  readonly bytes: number;
}

const NOTHING: PartitionSize = { items: 0, bytes: 0 };

/** `octet_length` reads the length of a payload that is stored apart, without the payload. */
const SUMS = `count(*)::float8 AS items,
  coalesce(sum(octet_length(payload)::bigint + octet_length(reference) + octet_length(encoding)
    + octet_length(kind)), 0)::float8 AS bytes`;

/**
 * Reads a small table as a whole. Of a great one, whose pages may be mostly empty, it
 * reads the first items by their index. If there are more, it reads a part of the
 * pages, chosen at random, of `WHOLE_BYTES` together. The size of the file would be of
 * no use: it contains dead rows and free space.
 *
 * A great table takes 200 ms at most (PostgreSQL 18, two cores).
 */
const measureTable = (table: string, position: number) => `
  SELECT * FROM (
    WITH file AS MATERIALIZED (
      SELECT least(1, ${WHOLE_BYTES}::float8 / greatest(pg_relation_size('${table.replaceAll("'", "''")}'::regclass), 1))
        AS part),
    few AS MATERIALIZED (
      SELECT ${SUMS} FROM (SELECT payload, reference, encoding, kind FROM ${table}
        WHERE (SELECT part FROM file) < 1 ORDER BY id LIMIT ${FEW_ITEMS}) AS first),
    sampled AS MATERIALIZED (
      SELECT ${SUMS} FROM ${table} TABLESAMPLE SYSTEM ((SELECT 100 * part FROM file))
        WHERE (SELECT part FROM file) = 1 OR (SELECT items FROM few) = ${FEW_ITEMS})
    SELECT ${position} AS position,
      CASE few.items WHEN ${FEW_ITEMS} THEN 0 ELSE few.items END + sampled.items / part AS items,
      CASE few.items WHEN ${FEW_ITEMS} THEN 0 ELSE few.bytes END + sampled.bytes / part AS bytes
    FROM file, few, sampled) AS measured`;

/** The most tables of which a process remembers that it has checked them. */
const MOST_CHECKED = 100_000;

interface CodeRow {
  readonly name: string;
  readonly id: string;
  readonly code: TableCode;
}

/**
 * Measures partitions, whether this process uses them or not. Checks a table for code
 * of other roles before it reads it for the first time, as the partition itself does
 * at its first use.
 */
export class Measures {
  readonly #db: Database;
  /** The object ids of tables that may be read, by name. */
  readonly #checked = new Map<string, string>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** Measures partitions, many per statement. Takes a table that must not be read for empty. */
  async measure(keys: readonly PartitionKey[]): Promise<readonly PartitionSize[]> {
    const sizes: PartitionSize[] = [];
    for (let start = 0; start < keys.length; start += TABLES_AT_ONCE) {
      sizes.push(...(await this.#measure(keys.slice(start, start + TABLES_AT_ONCE).map(itemsTableName))));
    }
    return sizes;
  }

  async #measure(names: readonly string[]): Promise<readonly PartitionSize[]> {
    const readable = await this.#readable(names);
    const rows = await readTables([...readable], {
      size: TABLES_AT_ONCE,
      prepare: (name) => this.#db.schema.relation(name),
      read: (tables: readonly string[]) =>
        this.#db.readInBackground<SizeRow>({ text: tables.map(measureTable).join(' UNION ALL ') }),
    });
    const found = new Map([...readable].map((name, n) => [name, rows[n]]));
    return names.map((name) => {
      const row = found.get(name);
      return row === undefined ? NOTHING : { items: Math.round(row.items), bytes: Math.round(row.bytes) };
    });
  }

  /** The tables that exist and run no code of other roles. */
  async #readable(names: readonly string[]): Promise<ReadonlySet<string>> {
    const values = [names, this.#db.schema.name];
    const rows = await this.#db.readInBackground<Omit<CodeRow, 'code'>>({
      text: `SELECT relname AS name, oid::text AS id FROM pg_class ${IN_SCHEMA}`,
      values,
    });
    const isNew = ({ name, id }: Omit<CodeRow, 'code'>) => this.#checked.get(name) !== id;
    if (rows.some(isNew)) await this.#check(rows.filter(isNew).map(({ name }) => name));
    return new Set(rows.filter((row) => !isNew(row)).map(({ name }) => name));
  }

  async #check(names: readonly string[]): Promise<void> {
    if (this.#checked.size > MOST_CHECKED) this.#checked.clear();
    const rows = await this.#db.readInBackground<CodeRow>({
      text: `SELECT relname AS name, oid::text AS id, ${tableCodeSql('class')} AS code
        FROM pg_class AS class ${IN_SCHEMA}`,
      values: [names, this.#db.schema.name],
    });
    for (const { name, id, code } of rows) {
      if (tableCodeFault(name, code) === undefined) this.#checked.set(name, id);
    }
  }
}

const IN_SCHEMA = `WHERE relname = ANY ($1::text[])
  AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $2)`;
