import { getTableConfig } from 'drizzle-orm/pg-core';
import type { Session } from '../database/database.ts';
import { itemsTable } from './tables/items.ts';

/** A column as the catalogue has it. */
export interface FoundColumn {
  readonly name: string;
  /** As `format_type` writes it. */
  readonly type: string;
  /** Whether texts in it are compared by their bytes. */
  readonly bytewise: boolean;
  /** Whether a row must bring a value for it. */
  readonly required: boolean;
}

/** What a table's columns and unique indexes are. */
export interface FoundShape {
  readonly columns: readonly FoundColumn[];
  /** Columns that have a unique index to themselves. */
  readonly unique: readonly string[];
}

/** SQL for {@link FoundShape} as JSON. @param relation the row of `pg_class` in the query around it. */
export const shapeSql = (relation: string) => `json_build_object(
  'columns', (
    SELECT json_agg(json_build_object(
      'name', attname,
      'type', format_type(atttypid, NULL),
      'bytewise', collname IN ('C', 'POSIX') OR collname = 'default' AND 'a' COLLATE "default" > 'B',
      'required', attnotnull AND NOT atthasdef AND attidentity = '' AND attgenerated = '') ORDER BY attnum)
    FROM pg_attribute LEFT JOIN pg_collation ON pg_collation.oid = attcollation
    WHERE attrelid = ${relation}.oid AND attnum > 0 AND NOT attisdropped),
  'unique', (
    SELECT coalesce(json_agg(attname), '[]'::json)
    FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
    WHERE indrelid = ${relation}.oid AND indisunique AND indisvalid AND indnkeyatts = 1))`;

const EXPECTED = new Map(
  getTableConfig(itemsTable('', 0)).columns.map((column) => [column.name, typeName(column.getSQLType())]),
);
const UNIQUE = ['id', 'source_id'];

/** As `format_type` writes the types that an items table has. */
function typeName(sqlType: string): string {
  const [type = ''] = sqlType.split(' COLLATE');
  return type === 'timestamptz' ? 'timestamp with time zone' : type;
}

/** What keeps a table from being used as an items table; nothing where it can be. */
export function shapeFault({ columns, unique }: FoundShape): string | undefined {
  const found = new Map(columns.map((column) => [column.name, column]));
  for (const [name, type] of EXPECTED) {
    const column = found.get(name);
    if (column === undefined) return `lacks the column ${name} (${type})`;
    if (column.type !== type) return `has the column ${name} with the type ${column.type}; expected ${type}`;
  }
  if (found.get('id')?.bytewise !== true) return 'compares ids by a language; expected COLLATE "C"';
  const foreign = columns.find(({ name, required }) => required && !EXPECTED.has(name));
  if (foreign !== undefined) return `has the column ${foreign.name}, for which every row must bring a value`;
  const missing = UNIQUE.find((name) => !unique.includes(name));
  return missing && `lacks a unique index on ${missing}`;
}

/**
 * Our ids begin with `0` and a number that only grows: the first two centuries
 * of it lie between these two. Those of the Go server, which are KSUIDs, begin
 * with their time, and lie above since 2018.
 */
const LEAST = '00';
export const BEYOND_IDS = '04';

/** Conditions for ids that are not of our making, each a range of the primary key. */
export const FOREIGN_IDS = [`id < '${LEAST}'`, `id >= '${BEYOND_IDS}'`] as const;

/**
 * Whether a table holds items whose ids are not of our making. Looks at both
 * ends of the primary key, and nowhere else.
 */
export async function holdsForeignIds(send: Session['query'], table: string): Promise<boolean> {
  const exists = FOREIGN_IDS.map((range) => `EXISTS (SELECT FROM ${table} WHERE ${range})`);
  const [row] = await send<{ holds: boolean }>({ text: `SELECT ${exists.join(' OR ')} AS holds` });
  return row?.holds === true;
}

/** Whether another program has made or filled a table. */
export async function isOfOthers(send: Session['query'], table: string, shape: FoundShape): Promise<boolean> {
  return shapeFault(shape) !== undefined || (await holdsForeignIds(send, table));
}

/** What to say of a table that holds items with ids that are not of our making. */
export function foreignItems(table: string, queue: string): string {
  return (
    `table ${table} of queue '${queue}' holds items with ids of another program, such as the Go server; ` +
    `'querator storage adopt ${table} --queue ${queue}' gives them ids in the same order, ` +
    `'querator storage drop ${table} --force' deletes them`
  );
}
