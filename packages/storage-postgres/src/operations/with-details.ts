import type { ItemId, StoredItem } from '@querator/core';
import { readDetails } from '../sql/item-details.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { textArray } from '../wire/binary-array.ts';

const selectDetails = (table: string) => `
  SELECT id, metadata::text AS metadata FROM ${table} WHERE id = ANY ($1::text[])`;

/** Adds their details to items that were read without them, if the table has the column by now. */
export async function withDetails(
  { db, table }: PartitionContext,
  items: readonly StoredItem[],
): Promise<readonly StoredItem[]> {
  if (!table.metadata.isThere || items.length === 0) return items;
  const rows = await db.read<{ id: ItemId; metadata: string | null }>({
    text: selectDetails(table.name),
    values: [textArray(items.map(({ id }) => id))],
  });
  const metadata = new Map(rows.map((row) => [row.id, row.metadata]));
  return items.map((item) => ({ ...item, details: readDetails(item.id, metadata.get(item.id) ?? null) }));
}
