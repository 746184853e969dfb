import type { ItemId } from '@querator/core';
import type { PartitionContext } from '../sql/partition-table.ts';

/** The greatest id in a partition, from the end of the index of ids. */
export async function lastId({ db, table }: PartitionContext): Promise<ItemId | undefined> {
  const [row] = await db.read<{ id: ItemId | null }>({
    text: `SELECT max(id) AS id FROM ${table.name}`,
    values: [],
  });
  return row?.id ?? undefined;
}
