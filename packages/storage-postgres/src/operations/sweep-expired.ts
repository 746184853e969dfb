import type { StoredItem, SweepRequest } from '@querator/core';
import { withLongerLimit } from '../database/with-longer-limit.ts';
import { withDeath } from '../sql/item-details.ts';
import { movingDeadline } from '../sql/item-state.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { bytesBefore, CONTENT_BYTES, withinBudget } from '../sql/payload-budget.ts';
import { ITEM_COLUMNS, type ItemRow, readItem } from '../sql/row-to-item.ts';
import { durationToText } from '../wire/instant-text.ts';

const NOW = nowSql('$1');

/**
 * Waiting items past their expire deadline. Leased items expire when the lease ends,
 * scheduled ones when they become available. Moving ones are outside the range.
 */
const expired = (table: string, columns: string) => `
  SELECT ${columns} FROM ${table}
  WHERE expire_deadline < ${NOW} AND is_leased IS NOT TRUE AND enqueue_at IS NULL
  ORDER BY expire_deadline LIMIT $2::bigint FOR UPDATE SKIP LOCKED`;

/** Moving items are returned with their content, so the budget limits their number. */
const expiredWithinBudget = (table: string) => `
  SELECT id FROM (
    SELECT id, ${bytesBefore('bytes')} AS bytes_before
    FROM (${expired(table, `id, ${CONTENT_BYTES} AS bytes`)}) AS expired) AS counted
  WHERE ${withinBudget('bytes_before')}`;

const moveExpired = (keepsDetails: boolean) => (table: string) =>
  `
  UPDATE ${table}
  SET is_leased = true, lease_deadline = ${NOW} + $3::interval, expire_deadline = ${movingDeadline()}${
    keepsDetails ? `, metadata = ${withDeath('metadata', NOW, `'expired'`)}` : ''
  }
  WHERE id = ANY (ARRAY(${expiredWithinBudget(table)}))
  RETURNING ${ITEM_COLUMNS.join(', ')}${keepsDetails ? ', metadata::text' : ''}`;

const deleteExpired = (table: string) => `
  WITH gone AS (DELETE FROM ${table} WHERE id = ANY (ARRAY(${expired(table, 'id')})) RETURNING 1)
  SELECT count(*)::int AS count FROM gone`;

/** The expired items. */
export interface ExpiredItems {
  readonly deleted: number;
  readonly dead: readonly StoredItem[];
}

/** Moves or deletes waiting items past their expire deadline. */
export async function expireItems(context: PartitionContext, request: SweepRequest): Promise<ExpiredItems> {
  const { db, table } = context;
  const values = [nowParameter(context), request.limit];
  if (request.dead === 'delete') {
    const statement = table.prepared('sweep_expired_delete', deleteExpired);
    const [row] = await withLongerLimit<{ count: number }>(db, 'write', { ...statement, values });
    return { deleted: row?.count ?? 0, dead: [] };
  }
  const keepsDetails = table.metadata.isThere;
  const name = keepsDetails ? 'sweep_expired_move_details' : 'sweep_expired_move';
  const rows = await withLongerLimit<ItemRow>(db, 'write', {
    ...table.prepared(name, moveExpired(keepsDetails)),
    values: [...values, durationToText(request.claimTimeout)],
  });
  return { deleted: 0, dead: rows.map(readItem(keepsDetails)) };
}
