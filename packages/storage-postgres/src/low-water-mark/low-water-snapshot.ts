import type { ItemId } from '@querator/core';
import type { Database } from '../database/database.ts';
import { besideTable, objectId } from '../database/quoted-name.ts';
import type { PartitionTable } from '../sql/partition-table.ts';
import { ITEM_ID_SEQUENCE } from '../sql/table-name.ts';

/** Stands among the writers for all transactions that are prepared, and belong to no session any more. */
export const PREPARED = 'prepared';

/** What one look at a partition gives its low-water mark. */
export interface LowWaterSnapshot {
  /** The number that was handed out last, for whatever item. */
  readonly last: bigint;
  /** The transactions that may be writing to the table, or have written and are not committed. */
  readonly writers: ReadonlySet<string>;
  /** The first waiting item that is not less than the mark, as far as this statement sees. */
  readonly first: ItemId | undefined;
}

/**
 * The sequence and the locks are read as they are at that moment, only the
 * items as of the statement's snapshot. A backend counts its transactions, so
 * that what `virtualtransaction` says is one transaction and no other; but for
 * one that is prepared, which has another name after a restart of the server.
 */
const snapshot = (table: string) => `
  SELECT
    pg_sequence_last_value(${objectId(besideTable(table, ITEM_ID_SEQUENCE))})::text AS last,
    ARRAY(SELECT CASE WHEN pid IS NULL THEN '${PREPARED}' ELSE virtualtransaction END FROM pg_locks
      WHERE locktype = 'relation' AND relation = ${objectId(table)} AND mode = 'RowExclusiveLock') AS writers,
    (SELECT id FROM ${table} WHERE is_leased = false AND enqueue_at IS NULL AND id >= $1
      ORDER BY is_leased, enqueue_at, id LIMIT 1) AS first`;

/** Looks what can be said of ids up to now; see `LowWaterMark`. */
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
