import {
  type Duration,
  type Instant,
  type ItemId,
  instantFromMicroseconds,
  type LeaseBatch,
  type LeasedItem,
  type NewItem,
  type ProduceAndLeaseResult,
  type ProduceRequest,
  toMicroseconds,
} from '@querator/core';
import { NO_METADATA } from '../sql/item-details.ts';
import { firstNumberOf, ITEMS_PER_STATEMENT, idsFrom, newIds } from '../sql/new-item-id.ts';
import { nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { isRefusedData } from '../sql/refused-data.ts';
import { durationToText } from '../wire/instant-text.ts';
import {
  EXPIRES_FROM_NOW,
  FIRST_SHAPE_PARAMETER,
  hasMetadata,
  type InsertShape,
  insertItems,
} from './insert-items.ts';
import { produce, withIds } from './produce.ts';

const [MARK, LIMIT, LEASE_TIMEOUT] = [0, 1, 2].map((n) => `$${FIRST_SHAPE_PARAMETER + n}`);
const IS_LEASED = 'u.position <= free.places';

/**
 * Writes items as leased if no other item waits before them. A later lease would write
 * every row a second time. Whether an item waits is decided in the statement's
 * snapshot. Items that other statements are storing at this moment have no order
 * relative to these.
 *
 * The subquery has the condition and order of the `_lse` index, like a lease. EXISTS
 * would lose the order, and with it the index.
 */
const LEASED: InsertShape = {
  name: '_and_lease',
  expireDeadline: EXPIRES_FROM_NOW,
  columns: [
    ['is_leased', IS_LEASED],
    ['lease_deadline', `CASE WHEN ${IS_LEASED} THEN ${nowSql('$1')} + ${LEASE_TIMEOUT}::interval END`],
    ['attempts', `CASE WHEN ${IS_LEASED} THEN 1 ELSE 0 END`],
  ],
  arrays: [],
  from: ', free',
  parameters: 3,
  around: (insert, table) => `
  WITH free AS MATERIALIZED (
    SELECT CASE WHEN (
      SELECT id FROM ${table} WHERE is_leased = false AND enqueue_at IS NULL AND id >= ${MARK}
      ORDER BY is_leased, enqueue_at, id LIMIT 1) IS NULL THEN ${LIMIT}::bigint ELSE 0 END AS places),
  stored AS (${insert} RETURNING id, lease_deadline)
  SELECT min(id), count(lease_deadline)::int, max(lease_deadline) FROM stored`,
  read: (row): StoredRow => ({ first: row.text(), leased: row.int4(), leaseDeadline: row.instant() }),
};

interface StoredRow {
  readonly first: ItemId;
  readonly leased: number;
  /** For the leased items. */
  readonly leaseDeadline: Instant;
}

/**
 * Stores items, and leases the first of them if no item waits.
 *
 * @param from no item is known to wait below this id. Undefined: items wait, so none
 *   is leased.
 */
export async function produceAndLease(
  context: PartitionContext,
  requests: readonly ProduceRequest[],
  expireTimeout: Duration,
  { limit, leaseTimeout, details }: LeaseBatch,
  from: ItemId | undefined,
): Promise<ProduceAndLeaseResult> {
  const items = requests.flatMap((request) => request.items);
  const isRefused = !context.table.metadata.isThere && items.some(hasMetadata);
  if (isRefused || from === undefined || items.length === 0 || items.length > ITEMS_PER_STATEMENT) {
    return { outcomes: await produce(context, requests, expireTimeout), leased: [] };
  }
  const ids = newIds(context, items.length);
  const parameters = [from, limit, durationToText(leaseTimeout)];
  try {
    const statement = insertItems(context, LEASED, { items, ids, expireTimeout }, parameters);
    const [row] = await context.db.write<StoredRow>(statement);
    context.table.numbers.observeId(row?.first);
    if (row === undefined) return { outcomes: countPerRequest(requests, 0, []), leased: [] };
    const wanted = requests.some(({ returnIds }) => returnIds === true) ? items.length : row.leased;
    const idsOf = idsFrom(firstNumberOf(row.first), ids, wanted);
    const detailsFor = details === true && context.table.metadata.isThere ? leaseTimeout : undefined;
    const leased = leasedItems(items, idsOf, row, detailsFor);
    return { outcomes: countPerRequest(requests, leased.length, idsOf), leased };
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    // The data of one request was refused and everything rolled back, so produce without leasing.
    return { outcomes: await produce(context, requests, expireTimeout), leased: [] };
  }
}

/**
 * The contents need not be returned.
 *
 * @param detailsFor the lease timeout, if the items have details.
 */
function leasedItems(
  items: readonly NewItem[],
  ids: readonly ItemId[],
  { leased, leaseDeadline }: StoredRow,
  detailsFor: Duration | undefined,
): readonly LeasedItem[] {
  return items.slice(0, leased).map(({ encoding, kind, reference, payload, metadata = NO_METADATA }, n) => {
    const id = ids[n] as ItemId;
    const item = { id, attempts: 1, leaseDeadline, encoding, kind, reference, payload };
    if (detailsFor === undefined) return item;
    // Both times are those of the same statement.
    const createdAt = instantFromMicroseconds(leaseDeadline - toMicroseconds(detailsFor));
    return { ...item, createdAt, details: { firstId: id, metadata } };
  });
}

function countPerRequest(
  requests: readonly ProduceRequest[],
  leased: number,
  ids: readonly ItemId[],
): ProduceAndLeaseResult['outcomes'] {
  let left = leased;
  const results = requests.map(({ items }) => {
    const taken = Math.min(left, items.length);
    left -= taken;
    return { waiting: items.length - taken, scheduled: 0 };
  });
  return withIds(requests, results, () => ids).map((value) => ({ ok: true, value }));
}
