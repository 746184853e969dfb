import type { ItemId } from '@querator/core';
import { withFirstId } from '../sql/item-details.ts';
import { newIds, newItemIdSql } from '../sql/new-item-id.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { HAS_REQUEUE_LOCK, MAY_REQUEUE } from '../sql/requeue-lock.ts';

/**
 * Positions follow the order of the subquery, which also locks the rows. A sweep waits
 * for locked rows: if it skipped them, the items after them would enter the queue
 * first. Items that are due at the same time keep the order in which they were
 * produced.
 */
const enqueueItems = (keepsDetails: boolean) => (table: string) =>
  `
  WITH due AS (
    SELECT id FROM ${table} WHERE enqueue_at < ${nowSql('$1')} AND ${MAY_REQUEUE}
    ORDER BY enqueue_at, id LIMIT $2::bigint FOR UPDATE),
  numbered AS MATERIALIZED (
    SELECT id, row_number() OVER () AS position FROM due),
  enqueued AS (
    UPDATE ${table} AS item SET id = ${newItemIdSql('numbered.position', '$3', table)},
      enqueue_at = NULL, lease_deadline = NULL${keepsDetails ? `, metadata = ${withFirstId()}` : ''}
    FROM numbered WHERE item.id = numbered.id
    RETURNING item.id)
  SELECT count(*)::int AS count, max(id) AS highest, ${HAS_REQUEUE_LOCK} AS granted FROM enqueued`;

interface EnqueuedRow {
  readonly count: number;
  /** The last of the new ids. Null if there is none. */
  readonly highest: ItemId | null;
  readonly granted: boolean;
}

/** Puts scheduled items that are due at the tail, under new ids. @returns their number. */
export async function enqueueDue(context: PartitionContext, limit: number): Promise<number> {
  const { table } = context;
  const [row] = await table.requeueLock.run<EnqueuedRow>(context, {
    ...(table.metadata.isThere
      ? table.prepared('sweep_scheduled_details', enqueueItems(true))
      : table.prepared('sweep_scheduled', enqueueItems(false))),
    values: [nowParameter(context), limit, newIds(context, limit)],
  });
  table.numbers.observeId(row?.highest ?? undefined);
  return row?.count ?? 0;
}
