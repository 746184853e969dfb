import type { ItemId } from '@querator/core';
import type { PartitionContext } from '../sql/partition-table.ts';
import { isPossibleId } from '../sql/refused-data.ts';
import { textArray } from '../wire/binary-array.ts';

const deleteItems = (table: string) => `
  WITH gone AS (DELETE FROM ${table} WHERE id = ANY ($1::text[]) RETURNING 1)
  SELECT count(*)::int AS count FROM gone`;

const deleteEachItem = (table: string) => `
  DELETE FROM ${table} WHERE id = ANY ($1::text[]) RETURNING id`;

/** Removes items in any state. @returns their ids. */
export async function deleteEach(
  { db, table }: PartitionContext,
  ids: readonly ItemId[],
): Promise<readonly ItemId[]> {
  if (ids.length === 0) return [];
  const rows = await db.write<{ id: ItemId }>({
    ...table.prepared('delete_each', deleteEachItem),
    values: [textArray(ids.filter(isPossibleId))],
  });
  return rows.map(({ id }) => id);
}

/** Removes items in any state. @returns their number. */
export async function deleteByIds({ db, table }: PartitionContext, ids: readonly ItemId[]): Promise<number> {
  if (ids.length === 0) return 0;
  const [row] = await db.write<{ count: number }>({
    ...table.prepared('delete', deleteItems),
    values: [textArray(ids.filter(isPossibleId))],
  });
  return row?.count ?? 0;
}
