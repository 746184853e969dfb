import { type LeaseBatch, type LeasedItem, UNSET_INSTANT } from '@querator/core';
import { durationToText, instantFromText } from '../instant-text.ts';
import { nowParameter, nowSql, type PartitionContext } from '../partition-table.ts';
import { type ItemRow, payloadOf } from '../row-to-item.ts';

type LeasedRow = Pick<
  ItemRow,
  'id' | 'attempts' | 'lease_deadline' | 'reference' | 'encoding' | 'kind' | 'payload'
>;

/**
 * The condition and the order are those of the `_lse` index, so that the
 * oldest items are read off its front. The ids go through an array: the
 * planner then always updates by primary key, whatever it believes the limit
 * to be.
 */
const leaseOldest = (table: string) => `
  UPDATE ${table}
  SET is_leased = true, lease_deadline = ${nowSql('$1')} + $2::interval, attempts = attempts + 1
  WHERE id = ANY (ARRAY(
    SELECT id FROM ${table}
    WHERE is_leased = false AND enqueue_at IS NULL
    ORDER BY is_leased, enqueue_at, id
    LIMIT $3::bigint
    FOR UPDATE SKIP LOCKED))
  RETURNING id, attempts, lease_deadline, reference, encoding, kind, payload`;

/** Takes the oldest waiting items. */
export async function lease(context: PartitionContext, batch: LeaseBatch): Promise<readonly LeasedItem[]> {
  const rows = await context.db.write<LeasedRow>({
    ...context.table.prepared('lease', leaseOldest),
    values: [nowParameter(context), durationToText(batch.leaseTimeout), batch.limit],
  });
  // One statement, one deadline: reading it once saves a thousand parses.
  const deadlineText = rows[0]?.lease_deadline;
  const leaseDeadline = deadlineText ? instantFromText(deadlineText) : UNSET_INSTANT;
  const items = rows.map(({ id, attempts, reference, encoding, kind, payload }) => ({
    ...{ id, attempts, leaseDeadline, reference, encoding, kind },
    payload: payloadOf(payload),
  }));
  // RETURNING promises no order. Ids are ASCII, so JavaScript's order is byte order.
  return items.sort((a, b) => (a.id < b.id ? -1 : 1));
}
