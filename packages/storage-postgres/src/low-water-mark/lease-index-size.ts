import type { Database } from '../database/database.ts';
import { besideTable, objectId } from '../database/quoted-name.ts';
import type { PartitionTable } from '../sql/partition-table.ts';

const MIB = 1_024 * 1_024;
/** A lease takes 50 ms to walk over the entries of an index of this size. */
const LONG_BYTES = 16 * MIB;
/**
 * The same takes 2 to 3 ms for an index of this size. A search for the first waiting
 * item costs as much as two or three such leases.
 */
const MEDIUM_BYTES = MIB;

const sizeOf = (table: string, index: string) => `pg_relation_size(${objectId(besideTable(table, index))})`;

/** SQL for whether an index is that large. */
export const isLong = (table: string, index: string) => `${sizeOf(table, index)} >= ${LONG_BYTES}`;

/**
 * How many dead entries the lease index may have before the first waiting item: too
 * many for a lease if it is `long`, and for more than a few leases if it is `medium`.
 */
export type IndexSize = 'short' | 'medium' | 'long';

/** Reads the size of the lease index. */
export async function leaseIndexSize(db: Pick<Database, 'read'>, table: PartitionTable): Promise<IndexSize> {
  const text = `SELECT ${sizeOf(table.name, table.leaseIndex)}::float8 AS bytes`;
  const [row] = await db.read<{ bytes: number }>({ text });
  const bytes = row?.bytes ?? 0;
  if (bytes >= LONG_BYTES) return 'long';
  return bytes >= MEDIUM_BYTES ? 'medium' : 'short';
}
