import type { ItemId, MarkResult } from '@querator/core';
import { isAmong } from '../sql/array-parameter.ts';
import { MOVED, MOVED_DEADLINE, MOVING } from '../sql/item-state.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { isPossibleId } from '../sql/refused-data.ts';
import { textArray } from '../wire/binary-array.ts';

/** Locks rows in the order of ids, so that callers with ids in common cannot deadlock. */
const markMovingAsMoved = (table: string) => `
  WITH named AS (
    SELECT id, ${MOVED} AS before FROM ${table} WHERE ${isAmong('id', '$1', 'text')} AND ${MOVING}
    ORDER BY id FOR UPDATE),
  marked AS (
    UPDATE ${table} AS item SET expire_deadline = ${MOVED_DEADLINE}
    FROM named WHERE item.id = named.id AND NOT named.before)
  SELECT id, before FROM named`;

/** Marks moving items as moved. */
export async function markMoved(
  { db, table }: PartitionContext,
  ids: readonly ItemId[],
): Promise<MarkResult> {
  if (ids.length === 0) return { marked: [], markedBefore: [] };
  const statement = table.prepared('mark_moved', markMovingAsMoved);
  const rows = await db.write<{ id: ItemId; before: boolean }>({
    ...statement,
    values: [textArray(ids.filter(isPossibleId))],
  });
  const idsOf = (isBefore: boolean) => rows.filter(({ before }) => before === isBefore).map(({ id }) => id);
  return { marked: idsOf(false), markedBefore: idsOf(true) };
}
