import type { ItemId } from '@querator/core';
import type { Database } from '../database/database.ts';
import { besideTable, objectId } from '../database/quoted-name.ts';
import type { PartitionTable } from '../sql/partition-table.ts';
import { ITEM_ID_SEQUENCE } from '../sql/table-name.ts';

/** Stands for all prepared transactions among the writers. They belong to no session. */
export const PREPARED = 'prepared';

/** What a low-water mark learns from one read of a partition. */
export interface LowWaterSnapshot {
  /** The last number that the sequence has given out, for any table. */
  readonly last: bigint;
  /** The transactions that may be writing to the table, or have written and not committed. */
  readonly writers: ReadonlySet<string>;
  /** The first waiting item from the mark on, in the snapshot of this statement. */
  readonly first: ItemId | undefined;
}

/**
 * Reads the present state of the sequence and the locks; only the items are those of
 * the statement's snapshot. `virtualtransaction` identifies one transaction, since a
 * backend counts its transactions. A prepared one is the exception: its name changes
 * when the server restarts.
 */
const snapshot = (table: string) => `
  SELECT
    pg_sequence_last_value(${objectId(besideTable(table, ITEM_ID_SEQUENCE))})::text AS last,
    ARRAY(SELECT CASE WHEN pid IS NULL THEN '${PREPARED}' ELSE virtualtransaction END FROM pg_locks
      WHERE locktype = 'relation' AND relation = ${objectId(table)} AND mode = 'RowExclusiveLock') AS writers,
    (SELECT id FROM ${table} WHERE is_leased = false AND enqueue_at IS NULL AND id >= $1
      ORDER BY is_leased, enqueue_at, id LIMIT 1) AS first`;

/** Reads the snapshot of a partition for its mark; see `LowWaterMark`. */
export async function readLowWater(
  { db, table }: { readonly db: Pick<Database, 'read'>; readonly table: PartitionTable },
  mark: ItemId,
): Promise<LowWaterSnapshot> {
  const [row] = await db.read<{ last: string | null; writers: string[]; first: string | null }>({
    ...table.prepared('low_water_snapshot', snapshot),
    values: [mark],
  });
  return {
    last: BigInt(row?.last ?? 0),
    writers: new Set(row?.writers),
    first: row?.first ?? undefined,
  };
}
