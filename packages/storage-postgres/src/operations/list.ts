import type { ItemListRequest, StoredItem } from '@querator/core';
import type { PartitionContext } from '../partition-table.ts';
import { ITEM_COLUMNS, type ItemRow, rowToItem } from '../row-to-item.ts';

const listItems = (condition: string) => (table: string) =>
  `
  SELECT ${ITEM_COLUMNS.join(', ')} FROM ${table}
  WHERE id >= $1 AND enqueue_at ${condition}
  ORDER BY id LIMIT $2`;

/** A page of items in the order of their ids. */
export async function list(
  { db, table }: PartitionContext,
  request: ItemListRequest,
): Promise<readonly StoredItem[]> {
  const statement =
    request.state === 'scheduled'
      ? table.prepared('list_scheduled', listItems('IS NOT NULL'))
      : table.prepared('list', listItems('IS NULL'));
  const rows = await db.read<ItemRow>({ ...statement, values: [request.pivot, request.limit] });
  return rows.map(rowToItem);
}
