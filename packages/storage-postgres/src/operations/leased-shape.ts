import type { Instant, ItemId } from '@querator/core';
import { nowSql } from '../sql/partition-table.ts';
import { EXPIRES_FROM_NOW, FIRST_SHAPE_PARAMETER, type InsertShape } from './insert-items.ts';

const [MARK, LIMIT, LEASE_TIMEOUT] = [0, 1, 2].map((n) => `$${FIRST_SHAPE_PARAMETER + n}`);
const IS_LEASED = 'u.position <= free.places';

/** SQL for the lease deadline of the items that {@link LEASED} leases. */
export const NEW_LEASE_DEADLINE = `${nowSql('$1')} + ${LEASE_TIMEOUT}::interval`;

/**
 * The CTE `free`, with one row: `places` is how many items may be leased, which is 0 if
 * another item waits.
 *
 * The subquery has the condition and order of the `_lse` index, like a lease. EXISTS
 * would lose the order, and with it the index.
 */
export const freePlacesSql = (table: string) => `free AS MATERIALIZED (
    SELECT CASE WHEN (
      SELECT id FROM ${table} WHERE is_leased = false AND enqueue_at IS NULL AND id >= ${MARK}
      ORDER BY is_leased, enqueue_at, id LIMIT 1) IS NULL THEN ${LIMIT}::bigint ELSE 0 END AS places)`;

/**
 * Writes items as leased if no other item waits before them. A later lease would write
 * every row a second time. Whether an item waits is decided in the statement's
 * snapshot. Items that other statements are storing at this moment have no order
 * relative to these.
 *
 * Parameters: no item is known to wait below this id, the most items to lease, and the
 * lease timeout.
 */
export const LEASED: InsertShape = {
  name: '_and_lease',
  expireDeadline: EXPIRES_FROM_NOW,
  columns: [
    ['is_leased', IS_LEASED],
    ['lease_deadline', `CASE WHEN ${IS_LEASED} THEN ${NEW_LEASE_DEADLINE} END`],
    ['attempts', `CASE WHEN ${IS_LEASED} THEN 1 ELSE 0 END`],
  ],
  arrays: [],
  from: ', free',
  parameters: 3,
  around: (insert, table) => `
  WITH ${freePlacesSql(table)},
  stored AS (${insert} RETURNING id, lease_deadline)
  SELECT min(id), count(lease_deadline)::int, max(lease_deadline) FROM stored`,
  read: (row): StoredRow => ({ first: row.text(), leased: row.int4(), leaseDeadline: row.instant() }),
};

/** What {@link LEASED} returns. */
export interface StoredRow {
  readonly first: ItemId;
  readonly leased: number;
  /** For the leased items. */
  readonly leaseDeadline: Instant;
}
