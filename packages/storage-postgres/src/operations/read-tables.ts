import { isUndefinedTable, PostgresError } from '../errors/postgres-error.ts';

/** A row about one of the tables that a statement reads. */
export interface TableRow {
  /** The position of the table in its statement. */
  readonly position: number;
}

export interface TableReads<Key, Table, Row extends TableRow> {
  /** The number of tables that one statement reads. */
  readonly size: number;
  /** What the statement has to know of a table. Called right before it is sent. */
  readonly prepare: (key: Key) => Table;
  readonly read: (tables: readonly Table[]) => Promise<readonly Row[]>;
}

/**
 * Reads many tables with few statements, one after the other.
 *
 * @returns the row of each table, in order. Undefined: there is none, as for a table
 *   that does not exist.
 */
export async function readTables<Key, Table, Row extends TableRow>(
  keys: readonly Key[],
  { size, prepare, read }: TableReads<Key, Table, Row>,
): Promise<readonly (Row | undefined)[]> {
  const rows: (Row | undefined)[] = [];
  for (let start = 0; start < keys.length; start += size) {
    rows.push(...(await readAll(keys.slice(start, start + size).map(prepare), read)));
  }
  return rows;
}

async function readAll<Table, Row extends TableRow>(
  tables: readonly Table[],
  read: (tables: readonly Table[]) => Promise<readonly Row[]>,
): Promise<readonly (Row | undefined)[]> {
  try {
    const byPosition = new Map((await read(tables)).map((row) => [row.position, row]));
    return tables.map((_, position) => byPosition.get(position));
  } catch (error) {
    if (!(error instanceof PostgresError && isUndefinedTable(error.sqlState))) throw error;
  }
  if (tables.length === 1) return [undefined];
  // A table was never used or is gone. Halving finds it with few statements.
  const half = Math.ceil(tables.length / 2);
  return [...(await readAll(tables.slice(0, half), read)), ...(await readAll(tables.slice(half), read))];
}
