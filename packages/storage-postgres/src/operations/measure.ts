import type { PartitionKey, PartitionSize } from '@querator/core';
import type { Database } from '../database/database.ts';
import { itemsTableName } from '../sql/table-name.ts';
import { readTables, type TableRow } from './read-tables.ts';
import type { ReadableTables } from './readable-tables.ts';

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

/** Measures partitions, whether this process uses them or not. */
export class Measures {
  readonly #db: Database;
  readonly #tables: ReadableTables;

  constructor(db: Database, tables: ReadableTables) {
    this.#db = db;
    this.#tables = tables;
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
    const found = await this.#tables.find(names);
    const readable = names.filter((name) => found.get(name)?.mayRead);
    const rows = await readTables(readable, {
      size: TABLES_AT_ONCE,
      prepare: (name) => this.#db.schema.relation(name),
      read: (tables: readonly string[]) =>
        this.#db.readInBackground<SizeRow>({ text: tables.map(measureTable).join(' UNION ALL ') }),
    });
    const sizes = new Map(readable.map((name, n) => [name, rows[n]]));
    return names.map((name) => {
      const row = sizes.get(name);
      return row === undefined ? NOTHING : { items: Math.round(row.items), bytes: Math.round(row.bytes) };
    });
  }
}
