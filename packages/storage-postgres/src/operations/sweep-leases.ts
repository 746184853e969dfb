import type { ItemId, StoredItem, SweepRequest } from '@querator/core';
import { withDeath, withFirstId } from '../sql/item-details.ts';
import { MOVED, MOVING, movingDeadline, OWN_MAX_ATTEMPTS } from '../sql/item-state.ts';
import { newIds, newItemIdSql } from '../sql/new-item-id.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { bytesBefore, CONTENT_BYTES, withinBudget } from '../sql/payload-budget.ts';
import { HAS_REQUEUE_LOCK, MAY_REQUEUE } from '../sql/requeue-lock.ts';
import { ITEM_COLUMNS, type ItemRow, readItem } from '../sql/row-to-item.ts';
import { durationToText } from '../wire/instant-text.ts';

const NOW = nowSql('$1');
const CONTENT: ReadonlySet<string> = new Set(['payload', 'reference', 'encoding', 'kind']);
/** Of an item that is marked as moved only the id is returned, without the content. */
const ITEM = `${ITEM_COLUMNS.map((column) =>
  CONTENT.has(column) ? `CASE WHEN NOT ${MOVED} THEN item.${column} END AS ${column}` : `item.${column}`,
).join(', ')}, ${MOVED} AS moved`;
/** The details of an item that dies now. Those of one that was moving before stay. */
const DEAD_METADATA = `CASE WHEN ${MOVING} THEN metadata ELSE ${withDeath(
  'metadata',
  NOW,
  `CASE WHEN $2::int > 0 AND attempts >= $2::int THEN 'attempts' ELSE 'expired' END`,
)} END`;
const BYTES = `CASE WHEN ${MOVED} THEN 0 ELSE ${CONTENT_BYTES} END AS bytes`;

/**
 * Overdue leases, prepared letters, and claims on moving items. Decides first which
 * items are dead. Otherwise an item without attempts or time left would return to the
 * queue, and be removed again.
 */
const overdue = (table: string, keepsDetails: boolean, columns = 'id') => `
  WITH due AS (
    SELECT ${columns}, ${MOVING} OR expire_deadline < ${NOW} OR ($2::int > 0 AND attempts >= $2::int) AS dead
    FROM ${table} WHERE is_leased = true AND lease_deadline < ${NOW} AND ${MAY_REQUEUE}
    ORDER BY lease_deadline, id LIMIT $3::bigint FOR UPDATE SKIP LOCKED),
  numbered AS MATERIALIZED (
    SELECT id, row_number() OVER () AS position FROM due WHERE NOT dead),
  requeued AS (
    UPDATE ${table} AS item
    SET id = ${newItemIdSql('numbered.position', '$4', table)}, is_leased = false, lease_deadline = NULL,
      max_attempts = ${OWN_MAX_ATTEMPTS}${keepsDetails ? `, metadata = ${withFirstId()}` : ''}
    FROM numbered WHERE item.id = numbered.id
    RETURNING item.id)`;

/** Moving items are returned with their content, so the budget limits their number. */
const moveOverdue = (keepsDetails: boolean) => (table: string) =>
  `${overdue(table, keepsDetails, `id, ${BYTES}`)},
  dying AS (SELECT id, ${bytesBefore('bytes')} AS bytes_before FROM due WHERE dead),
  moving AS (
    UPDATE ${table} AS item
    SET lease_deadline = ${NOW} + $5::interval, expire_deadline = ${movingDeadline()}${
      keepsDetails ? `, metadata = ${DEAD_METADATA}` : ''
    }
    WHERE id = ANY (ARRAY(SELECT id FROM dying WHERE ${withinBudget('bytes_before')}))
    RETURNING ${ITEM}${keepsDetails ? `, CASE WHEN NOT ${MOVED} THEN item.metadata::text END AS metadata` : ''})
  SELECT counted.*, 0 AS deleted, ${HAS_REQUEUE_LOCK} AS granted, moving.*
  FROM (SELECT count(*)::int AS requeued, max(id) AS highest FROM requeued) AS counted LEFT JOIN moving ON true`;

const deleteOverdue = (keepsDetails: boolean) => (table: string) =>
  `${overdue(table, keepsDetails)},
  deleted AS (DELETE FROM ${table} WHERE id = ANY (ARRAY(SELECT id FROM due WHERE dead)) RETURNING 1)
  SELECT (SELECT count(*)::int FROM requeued) AS requeued, (SELECT count(*)::int FROM deleted) AS deleted,
    (SELECT max(id) FROM requeued) AS highest, ${HAS_REQUEUE_LOCK} AS granted, NULL AS id`;

interface EndedRow {
  readonly requeued: number;
  readonly deleted: number;
  /** The last of the new ids. Null if there is none. */
  readonly highest: ItemId | null;
  readonly granted: boolean;
  /** The id of a moving item. Null if there is none. */
  readonly id: ItemId | null;
}

type DeadRow = ItemRow & { readonly moved: boolean };

/** The items whose lease or claim has ended. */
export interface EndedLeases {
  readonly requeued: number;
  readonly deleted: number;
  readonly dead: readonly StoredItem[];
  /** The dead items that are marked as moved. */
  readonly moved: readonly ItemId[];
}

/** Puts items whose lease ended back at the tail, and moves or deletes dead ones. */
export async function endLeases(context: PartitionContext, request: SweepRequest): Promise<EndedLeases> {
  const { maxAttempts, limit, dead } = request;
  const values = [nowParameter(context), maxAttempts, limit, newIds(context, limit)];
  const keepsDetails = context.table.metadata.isThere;
  const name = `sweep_leases_${dead}${keepsDetails ? '_details' : ''}`;
  const statement =
    dead === 'move'
      ? {
          ...context.table.prepared(name, moveOverdue(keepsDetails)),
          values: [...values, durationToText(request.claimTimeout)],
        }
      : { ...context.table.prepared(name, deleteOverdue(keepsDetails)), values };
  const rows = await context.table.requeueLock.run<EndedRow>(context, statement);
  context.table.numbers.observeId(rows[0]?.highest ?? undefined);
  const deadRows = rows.filter((row) => row.id !== null) as unknown as readonly DeadRow[];
  return {
    requeued: rows[0]?.requeued ?? 0,
    deleted: rows[0]?.deleted ?? 0,
    dead: deadRows.filter((row) => !row.moved).map(readItem(keepsDetails)),
    moved: deadRows.filter((row) => row.moved).map((row) => row.id),
  };
}
