import type { ItemId } from '@querator/core';
import { isAmong } from '../sql/array-parameter.ts';
import { MOVING } from '../sql/item-state.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { isPossibleId } from '../sql/refused-data.ts';
import { textArray } from '../wire/binary-array.ts';

const removeMoving = (table: string) => `
  DELETE FROM ${table} WHERE ${isAmong('id', '$1', 'text')} AND ${MOVING}`;

/** Removes moving items that have been moved. */
export async function remove({ db, table }: PartitionContext, ids: readonly ItemId[]): Promise<void> {
  if (ids.length === 0) return;
  await db.write({
    ...table.prepared('remove', removeMoving),
    values: [textArray(ids.filter(isPossibleId))],
  });
}
