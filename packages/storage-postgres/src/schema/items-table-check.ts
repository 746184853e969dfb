import type { PgTable } from 'drizzle-orm/pg-core';
import type { Session } from '../database/database.ts';
import { METADATA_COLUMN } from '../sql/metadata-column.ts';
import { getTableConfig } from './drizzle.ts';
import { itemsTable } from './tables/items.ts';

/** A column in the catalogue. */
export interface FoundColumn {
  readonly name: string;
  /** As `format_type` writes it. */
  readonly type: string;
  /** Whether its texts are compared by bytes. */
  readonly bytewise: boolean;
  /** Whether a row must have a value for it. */
  readonly required: boolean;
}

/** The columns and unique indexes of a table. */
export interface FoundShape {
  readonly columns: readonly FoundColumn[];
  /** Columns with a unique index of their own. */
  readonly unique: readonly string[];
}

/** SQL for {@link FoundShape} as JSON. @param relation the alias of its row in `pg_class`. */
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

/** The shape that a table must have. */
export interface WantedShape {
  /** The types of the columns, by name. */
  readonly columns: ReadonlyMap<string, string>;
  /** The text that is compared by bytes, and what it is called in an error. */
  readonly bytewise: readonly [column: string, inWords: string];
  /** Columns with a unique index of their own. */
  readonly unique: readonly string[];
}

/** The columns of a table's definition, with their types as `format_type` writes them. */
export function columnsOf(table: PgTable): ReadonlyMap<string, string> {
  return new Map(getTableConfig(table).columns.map((column) => [column.name, typeName(column.getSQLType())]));
}

/** The column for the details of items is added to tables of earlier versions. */
const NEEDED = [...columnsOf(itemsTable('', 0))].filter(([name]) => name !== METADATA_COLUMN.name);

const ITEMS: WantedShape = {
  columns: new Map(NEEDED),
  bytewise: ['id', 'ids'],
  unique: ['id', 'source_id'],
};

/** The type as `format_type` writes it. */
function typeName(sqlType: string): string {
  const [type = ''] = sqlType.split(' COLLATE');
  return type === 'timestamptz' ? 'timestamp with time zone' : type;
}

/** Why a table cannot be used as an items table, or as one of another shape. Undefined if it can. */
export function shapeFault({ columns, unique }: FoundShape, wanted = ITEMS): string | undefined {
  const found = new Map(columns.map((column) => [column.name, column]));
  for (const [name, type] of wanted.columns) {
    const column = found.get(name);
    if (column === undefined) return `lacks the column ${name} (${type})`;
    if (column.type !== type) return `has the column ${name} with the type ${column.type}; expected ${type}`;
  }
  const [bytewise, inWords] = wanted.bytewise;
  if (found.get(bytewise)?.bytewise !== true)
    return `compares ${inWords} by a language; expected COLLATE "C"`;
  const foreign = columns.find(({ name, required }) => required && !wanted.columns.has(name));
  if (foreign !== undefined) return `has the column ${foreign.name}, for which every row must bring a value`;
  const missing = wanted.unique.find((name) => !unique.includes(name));
  return missing && `lacks a unique index on ${missing}`;
}

/**
 * Our ids begin with `0` and a growing number: those of the first two centuries lie
 * between these two. Those of the Go server are KSUIDs, which begin with their time,
 * and are greater since 2018.
 */
const LEAST = '00';
export const BEYOND_IDS = '04';

/** Conditions for ids of other programs. Each is a range of the primary key. */
export const FOREIGN_IDS = [`id < '${LEAST}'`, `id >= '${BEYOND_IDS}'`] as const;

/** Whether a table holds items with ids of other programs. Only reads both ends of the primary key. */
export async function holdsForeignIds(send: Session['query'], table: string): Promise<boolean> {
  const exists = FOREIGN_IDS.map((range) => `EXISTS (SELECT FROM ${table} WHERE ${range})`);
  const [row] = await send<{ holds: boolean }>({ text: `SELECT ${exists.join(' OR ')} AS holds` });
  return row?.holds === true;
}

/** Whether another program has created or filled a table. */
export async function isOfOthers(send: Session['query'], table: string, shape: FoundShape): Promise<boolean> {
  return shapeFault(shape) !== undefined || (await holdsForeignIds(send, table));
}

/** The error for a table that holds items with ids of another program. */
export function foreignItems(table: string, queue: string): string {
  return (
    `table ${table} of queue '${queue}' holds items with ids of another program, such as the Go server; ` +
    `'querator storage adopt ${table} --queue ${queue}' gives them ids in the same order, ` +
    `'querator storage drop ${table} --force' deletes them`
  );
}
