import { ATTEMPTS_MAX, type ItemId, type LeaseBatch, type LeasedItem } from '@querator/core';
import type { Statement } from '../database/database.ts';
import { readDetails } from '../sql/item-details.ts';
import { nowParameter, nowSql, type PartitionContext, type PartitionTable } from '../sql/partition-table.ts';
import { BYTES_WITH_DETAILS, bytesBefore, CONTENT_BYTES, withinBudget } from '../sql/payload-budget.ts';
import type { BinaryRow } from '../wire/binary-row.ts';
import { durationToText } from '../wire/instant-text.ts';

/** Has the condition and order of the `_lse` index, so that the oldest items are read from its front. */
const oldest = (table: string, columns: string, below = '') => `
  SELECT ${columns} FROM ${table}
  WHERE is_leased = false AND enqueue_at IS NULL AND id >= $4${below}
  ORDER BY is_leased, enqueue_at, id
  LIMIT $3::bigint
  FOR UPDATE SKIP LOCKED`;

/** Locks items beyond the budget too, but does not lease them. */
const oldestWithinBudget = (table: string, below = '', bytes = CONTENT_BYTES) => `
  SELECT id FROM (
    SELECT id, ${bytesBefore('bytes')} AS bytes_before
    FROM (${oldest(table, `id, ${bytes} AS bytes`, below)}) AS oldest) AS counted
  WHERE ${withinBudget('bytes_before')}`;

/** The ids go through an array, so that the planner always updates by primary key, whatever the limit. */
const leaseItems = (table: string, ids: string, details = '') => `
  UPDATE ${table}
  SET is_leased = true, lease_deadline = ${nowSql('$1')} + $2::interval,
    attempts = least(attempts, ${ATTEMPTS_MAX} - 1) + 1
  WHERE id = ANY (ARRAY(${ids}))
  RETURNING id, attempts, lease_deadline, reference, encoding, kind, payload${details}`;

/** One item always fits the budget. The sums would cost a sixth of the time of leasing single items. */
const leaseOne = (table: string) => leaseItems(table, oldest(table, 'id'));
const leaseOldest = (table: string) => leaseItems(table, oldestWithinBudget(table));
const leaseBetween = (table: string) => leaseItems(table, oldestWithinBudget(table, ' AND id < $5'));

/** Returned in addition if the batch asks for the details of the items, and the table keeps them. */
const DETAILS = ', created_at, metadata::text';
const leaseDetails = (table: string) =>
  leaseItems(table, oldestWithinBudget(table, '', BYTES_WITH_DETAILS), DETAILS);
const leaseDetailsBetween = (table: string) =>
  leaseItems(table, oldestWithinBudget(table, ' AND id < $5', BYTES_WITH_DETAILS), DETAILS);

/**
 * Leases the oldest waiting items.
 *
 * @param from the least id. Empty: from the head of the queue.
 * @param below an upper bound. Undefined: none. With a bound, which is rare, the
 *   statement is not prepared.
 */
export async function lease(
  context: PartitionContext,
  batch: LeaseBatch,
  from: ItemId,
  below?: ItemId,
): Promise<readonly LeasedItem[]> {
  const values = [nowParameter(context), durationToText(batch.leaseTimeout), batch.limit, from];
  const details = batch.details === true && context.table.metadata.isThere;
  const between = details ? leaseDetailsBetween : leaseBetween;
  const statement =
    below === undefined
      ? { ...preparedFor(context.table, batch, details), values }
      : { text: between(context.table.name), values: [...values, below] };
  const read = details ? readLeasedWithDetails : readLeased;
  const rows = await context.db.write<LeasedItem>({ ...statement, read });
  // RETURNING has no defined order. Ids are ASCII, so JavaScript's order is byte order.
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function preparedFor(table: PartitionTable, { limit }: LeaseBatch, details: boolean): Statement {
  if (details) return table.prepared('lease_details', leaseDetails);
  return limit === 1 ? table.prepared('lease_one', leaseOne) : table.prepared('lease', leaseOldest);
}

/** Reads the columns that {@link leaseItems} returns. */
function readLeased(row: BinaryRow): LeasedItem {
  const id = row.text();
  const attempts = row.int4();
  const leaseDeadline = row.instant();
  const reference = row.text();
  const encoding = row.text();
  const kind = row.text();
  return { id, attempts, leaseDeadline, reference, encoding, kind, payload: row.bytes() };
}

function readLeasedWithDetails(row: BinaryRow): LeasedItem {
  const item = readLeased(row);
  const createdAt = row.instant();
  return { ...item, createdAt, details: readDetails(item.id, row.text()) };
}
