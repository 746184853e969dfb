import type { ItemId } from '@querator/core';
import { newIds, newItemIdSql } from '../new-item-id.ts';
import { nowParameter, nowSql, type PartitionContext } from '../partition-table.ts';
import { patiently } from '../patience.ts';

/**
 * Positions follow the order of the subquery, which also locks the rows.
 *
 * A sweep waits for rows that another one is just working on, and then finds
 * that they are no longer due. To pass them over would be to put the items
 * behind them into the queue first, and items that come due together keep the
 * order in which they were produced.
 */
const enqueueItems = (table: string) => `
  WITH due AS (
    SELECT id FROM ${table} WHERE enqueue_at < ${nowSql('$1')}
    ORDER BY enqueue_at, id LIMIT $2::bigint FOR UPDATE),
  numbered AS MATERIALIZED (
    SELECT id, row_number() OVER () AS position FROM due),
  enqueued AS (
    UPDATE ${table} AS item SET id = ${newItemIdSql('numbered.position', '$3', table)},
      enqueue_at = NULL, lease_deadline = NULL
    FROM numbered WHERE item.id = numbered.id
    RETURNING item.id)
  SELECT count(*)::int AS count, max(id) AS highest FROM enqueued`;

/** Puts scheduled items whose time has come at the tail, under new ids. @returns how many. */
export async function enqueueDue(context: PartitionContext, limit: number): Promise<number> {
  const [row] = await patiently<{ count: number; highest: ItemId | null }>(context.db, 'write', {
    ...context.table.prepared('sweep_scheduled', enqueueItems),
    values: [nowParameter(context), limit, newIds(context, limit)],
  });
  context.table.numbers.sawId(row?.highest ?? undefined);
  return row?.count ?? 0;
}
