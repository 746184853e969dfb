import type { ItemId } from '@querator/core';
import { textArray } from '../binary-array.ts';
import { CONDEMNED, MOVED_DEADLINE } from '../item-state.ts';
import type { PartitionContext } from '../partition-table.ts';

const markCondemned = (table: string) => `
  UPDATE ${table} SET expire_deadline = ${MOVED_DEADLINE}
  WHERE id = ANY ($1::text[]) AND ${CONDEMNED}
  RETURNING id`;

/** Marks condemned items as moved. @returns the ids of those that are there. */
export async function markMoved(
  { db, table }: PartitionContext,
  ids: readonly ItemId[],
): Promise<readonly ItemId[]> {
  if (ids.length === 0) return [];
  const statement = table.prepared('mark_moved', markCondemned);
  const rows = await db.write<{ id: ItemId }>({ ...statement, values: [textArray(ids)] });
  return rows.map(({ id }) => id);
}
