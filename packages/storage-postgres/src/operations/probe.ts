import type { Database } from '../database/database.ts';
import { besideTable, objectId } from '../database/quoted-name.ts';
import { PERMISSION_DENIED, PostgresError } from '../errors/postgres-error.ts';
import type { PartitionTable } from '../sql/partition-table.ts';
import { ITEM_ID_SEQUENCE } from '../sql/table-name.ts';

/**
 * No id is empty. So the lookup reads one leaf of the index and no row, however many
 * dead rows there are. FOR UPDATE makes PostgreSQL refuse the statement where it would
 * refuse a write. That is on a standby, in a read-only session, and without the right
 * to update. It also waits for locks that exclude writers.
 */
const probeTable = (table: string) => `
  WITH touched AS MATERIALIZED (SELECT id FROM ${table} WHERE id = '' FOR UPDATE)
  SELECT (SELECT count(*) FROM touched) AS touched,
    has_table_privilege(${objectId(table)}, 'INSERT') AS may_insert,
    has_table_privilege(${objectId(table)}, 'DELETE') AS may_delete,
    has_sequence_privilege(${objectId(besideTable(table, ITEM_ID_SEQUENCE))}, 'USAGE') AS may_count`;

interface ProbeRow {
  readonly may_insert: boolean;
  readonly may_delete: boolean;
  readonly may_count: boolean;
}

/**
 * Checks whether a partition whose table exists can serve; see `PartitionStore.probe`.
 *
 * @throws PostgresError like a statement that lacks a right.
 */
export async function probePartition({
  db,
  table,
}: {
  readonly db: Pick<Database, 'read' | 'name'>;
  readonly table: PartitionTable;
}): Promise<void> {
  // Not prepared: it runs when a queue is activated and after failures, and connections live long.
  const [row] = await db.read<ProbeRow>({ text: probeTable(table.name) });
  if (row === undefined) throw new Error('a SELECT without FROM gave no row');
  if (!row.may_insert || !row.may_delete) throw refused(db.name, `table ${table.relation}`);
  if (!row.may_count) throw refused(db.name, `sequence ${ITEM_ID_SEQUENCE}`);
}

function refused(storage: string, relation: string): PostgresError {
  return new PostgresError(
    `storage '${storage}': permission denied for ${relation} (SQLSTATE ${PERMISSION_DENIED})`,
    { outcome: 'not-applied', sqlState: PERMISSION_DENIED, connectionLost: false, timedOut: false },
  );
}
