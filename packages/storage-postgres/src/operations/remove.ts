import type { ItemId } from '@querator/core';
import { textArray } from '../binary-array.ts';
import { CONDEMNED } from '../item-state.ts';
import type { PartitionContext } from '../partition-table.ts';
import { isPossibleId } from '../refused-data.ts';

const removeCondemned = (table: string) => `
  DELETE FROM ${table} WHERE id = ANY ($1::text[]) AND ${CONDEMNED}`;

/** Removes condemned items that have been moved. */
export async function remove({ db, table }: PartitionContext, ids: readonly ItemId[]): Promise<void> {
  if (ids.length === 0) return;
  await db.write({
    ...table.prepared('remove', removeCondemned),
    values: [textArray(ids.filter(isPossibleId))],
  });
}
