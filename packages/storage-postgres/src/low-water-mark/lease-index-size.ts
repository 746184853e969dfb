import type { Database } from '../database/database.ts';
import { besideTable, objectId } from '../database/quoted-name.ts';
import type { PartitionTable } from '../sql/partition-table.ts';

/** So large an index of waiting items has entries that take a lease a twentieth of a second to walk over. */
const LONG_BYTES = 16 * 1_024 * 1_024;

/** SQL for whether the index is that long. */
export const isLong = (table: string, index: string) =>
  `pg_relation_size(${objectId(besideTable(table, index))}) >= ${LONG_BYTES}`;

/** Whether there may be so many dead entries before the first waiting item that a lease should not walk over them. */
export async function isLongIndex(db: Pick<Database, 'read'>, table: PartitionTable): Promise<boolean> {
  const text = `SELECT ${isLong(table.name, table.leaseIndex)} AS long`;
  const [row] = await db.read<{ long: boolean }>({ text });
  return row?.long ?? false;
}
