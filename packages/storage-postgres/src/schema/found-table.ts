import type { Session } from '../database/database.ts';
import { type TableCode, tableCodeSql } from './foreign-code.ts';
import { type FoundShape, shapeSql } from './items-table-check.ts';

/** What the catalogue has on a partition's table. */
export interface FoundTable {
  readonly options: readonly string[] | null;
  /** Whether we may alter it. */
  readonly ours: boolean;
  readonly comment: string | null;
  /** Code that would run with our rights. */
  readonly code: TableCode;
  readonly shape: FoundShape;
  /** Of an items table: whether its partition has a table of dedup keys. */
  readonly hasKeys: boolean;
  /** Whether it never held a row, or was truncated since. */
  readonly isFresh: boolean;
}

/**
 * Reads whatever has that name in the schema. Prepared, because planning takes several
 * times as long as running.
 */
export async function findTable(
  send: Session['query'],
  schema: string | undefined,
  name: string,
): Promise<FoundTable | undefined> {
  const [found] = await send<FoundTable>({
    name: 'table_look',
    text: `SELECT reloptions AS options, pg_has_role(relowner, 'USAGE') AS ours,
        obj_description(oid, 'pg_class') AS comment, ${tableCodeSql('class')} AS code,
        ${shapeSql('class')} AS shape,
        EXISTS (SELECT FROM pg_class AS keys WHERE keys.relnamespace = class.relnamespace
          AND keys.relname = 'keys' || substr(class.relname, length('items') + 1)) AS "hasKeys",
        pg_relation_size(oid) = 0 AS "isFresh"
      FROM pg_class AS class WHERE relname = $1
        AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $2)`,
    values: [name, schema],
  });
  return found;
}
