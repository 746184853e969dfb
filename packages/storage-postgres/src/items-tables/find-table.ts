import { StorageError } from '@querator/core';
import type { Database, Session } from '../database/database.ts';
import { getTableName } from '../schema/drizzle.ts';
import { type TableCode, tableCodeFault, tableCodeSql } from '../schema/foreign-code.ts';
import { type FoundShape, shapeSql } from '../schema/items-table-check.ts';
import { keysShapeFault } from '../schema/keys-table-check.ts';
import { ownerFromComment, type TableOwner } from '../schema/table-owner.ts';
import { itemsTable } from '../schema/tables/items.ts';

/** A table in the catalogue with a name of a partition's table. */
export interface NamedTable {
  /** Its name without a schema. */
  readonly name: string;
  /** Whether it is an items table, or has the dedup keys of one. */
  readonly holds: 'items' | 'keys';
  readonly partition: number;
  /** The owner in its comment. Undefined if there is none. */
  readonly holder: TableOwner | undefined;
  readonly shape: FoundShape;
  /**
   * Why no statement may read it: code of another role would run with our rights.
   * Undefined if there is none.
   */
  readonly codeFault: string | undefined;
}

const NAME = /^(items|keys)_[0-9a-f]{12}_([0-9]{6})$/;

/** Dependencies of the tools. */
export interface TablesContext {
  readonly db: Database;
  /** The storage's name, for errors. */
  readonly storage: string;
}

/** The error for a refused call, which has changed nothing. */
export function refusal({ storage }: TablesContext, reason: string): StorageError {
  return new StorageError(`storage '${storage}': ${reason}`, { outcome: 'not-applied' });
}

/** All tables of partitions, ordered by name. */
export function allTables(context: TablesContext): Promise<readonly NamedTable[]> {
  return readTables(context, (statement) => context.db.read(statement));
}

/**
 * The table of that name.
 *
 * @throws StorageError when it is no name of a partition's table, or there is no such
 *   table.
 */
export async function findTable(
  context: TablesContext,
  name: string,
  send: Session['query'],
): Promise<NamedTable> {
  if (!NAME.test(name)) {
    const example = getTableName(itemsTable('my-queue', 0));
    throw refusal(context, `'${name}' is no name of an items table, such as ${example}`);
  }
  const [found] = await readTables(context, send, name);
  if (found === undefined) throw refusal(context, `there is no table ${name}`);
  return found;
}

/**
 * The table with the dedup keys of an items table. Undefined if there is none, or it
 * belongs to another queue than the items.
 */
export async function findKeysOf(
  context: TablesContext,
  { name, holds, holder }: Pick<NamedTable, 'name' | 'holds' | 'holder'>,
  send: Session['query'],
): Promise<NamedTable | undefined> {
  if (holds !== 'items') return undefined;
  const [keys] = await readTables(context, send, name.replace(/^items/, 'keys'));
  if (keys === undefined || (keysShapeFault(keys.shape) ?? keys.codeFault) !== undefined) return undefined;
  const isSame = keys.holder?.queue === holder?.queue && keys.holder?.created === holder?.created;
  return isSame ? keys : undefined;
}

/** The limit for waits for locks: other statements wait behind ours. */
const LOCK_TIMEOUT_MS = 30_000;

/** Runs a transaction that may take long, but waits for locks no longer than usual. */
export function inLongTransaction<T>(
  { db }: TablesContext,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return db.maintenance(async (session) => {
    await session.query({ text: `SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}` });
    return work(session);
  });
}

/** The number of items in a table or query. @param table as SQL. */
export async function countItems(session: Session, table: string): Promise<number> {
  const [row] = await session.query<{ count: string }>({ text: `SELECT count(*) AS count FROM ${table}` });
  return Number(row?.count ?? 0);
}

interface Row {
  readonly name: string;
  readonly comment: string | null;
  readonly shape: FoundShape;
  readonly code: TableCode;
}

async function readTables(
  { db }: TablesContext,
  send: Session['query'],
  name?: string,
): Promise<NamedTable[]> {
  const rows = await send<Row>({
    text: `SELECT relname::text AS name, obj_description(oid, 'pg_class') AS comment, ${shapeSql('class')} AS shape,
        ${tableCodeSql('class')} AS code
      FROM pg_class AS class
      WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND relkind IN ('r', 'p')
        AND ($2::text IS NULL AND relname ~ '^(items|keys)_' OR relname = $2) ORDER BY relname`,
    values: [db.schema.name, name ?? null],
  });
  return rows.flatMap(({ name: found, comment, shape, code }) => {
    const [, holds, partition] = NAME.exec(found) ?? [];
    if (holds === undefined) return [];
    return [
      {
        ...{ name: found, partition: Number(partition), holder: ownerFromComment(comment), shape },
        holds: holds === 'keys' ? 'keys' : 'items',
        codeFault: tableCodeFault(found, code),
      },
    ];
  });
}
