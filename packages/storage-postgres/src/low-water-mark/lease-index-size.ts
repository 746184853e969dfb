import type { Database } from '../database/database.ts';
import { besideTable, objectId } from '../database/quoted-name.ts';
import type { PartitionTable } from '../sql/partition-table.ts';

/** A lease takes 50 ms to walk over the entries of an index of this size. */
const LONG_BYTES = 16 * 1_024 * 1_024;

/** SQL for whether an index is that large. */
export const isLong = (table: string, index: string) =>
  `pg_relation_size(${objectId(besideTable(table, index))}) >= ${LONG_BYTES}`;

/** Whether the lease index may have too many dead entries before the first waiting item. */
export async function isLongIndex(db: Pick<Database, 'read'>, table: PartitionTable): Promise<boolean> {
  const text = `SELECT ${isLong(table.name, table.leaseIndex)} AS long`;
  const [row] = await db.read<{ long: boolean }>({ text });
  return row?.long ?? false;
}
