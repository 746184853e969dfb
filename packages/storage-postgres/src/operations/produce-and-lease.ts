import {
  type Duration,
  formatItemId,
  type Instant,
  ITEM_ID_RANDOM_LENGTH,
  type ItemId,
  type LeaseBatch,
  type LeasedItem,
  type NewItem,
  type ProduceAndLeaseResult,
  type ProduceRequest,
} from '@querator/core';
import { firstNumberOf, ITEMS_PER_STATEMENT, newIds, randomEndsOf } from '../sql/new-item-id.ts';
import { nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { isRefusedData } from '../sql/refused-data.ts';
import { durationToText } from '../wire/instant-text.ts';
import { EXPIRES_FROM_NOW, FIRST_SHAPE_PARAMETER, type InsertShape, insertItems } from './insert-items.ts';
import { produce } from './produce.ts';

const [MARK, LIMIT, LEASE_TIMEOUT] = [0, 1, 2].map((n) => `$${FIRST_SHAPE_PARAMETER + n}`);
const IS_LEASED = 'u.position <= free.places';

/**
 * Items that nobody has to wait behind are written as leased ones: a lease
 * after them would write every row a second time. Whether somebody waits is
 * seen as of the statement's snapshot; what is being produced elsewhere at
 * this moment has no place yet, before or behind.
 *
 * The subquery has the condition and the order of the `_lse` index, as a
 * lease has; EXISTS would lose the order, and with it the index.
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
  /** Of the leased. */
  readonly leaseDeadline: Instant;
}

/**
 * Stores items, and leases the first of them where none waits.
 *
 * @param from no item waits under this id, as far as is known; undefined: some wait, and none is leased.
 */
export async function produceAndLease(
  context: PartitionContext,
  requests: readonly ProduceRequest[],
  expireTimeout: Duration,
  { limit, leaseTimeout }: LeaseBatch,
  from: ItemId | undefined,
): Promise<ProduceAndLeaseResult> {
  const items = requests.flatMap((request) => request.items);
  if (from === undefined || items.length === 0 || items.length > ITEMS_PER_STATEMENT) {
    return { outcomes: await produce(context, requests, expireTimeout), leased: [] };
  }
  const ids = newIds(context, items.length);
  const parameters = [from, limit, durationToText(leaseTimeout)];
  try {
    const statement = insertItems(context, LEASED, { items, ids, expireTimeout }, parameters);
    const [row] = await context.db.write<StoredRow>(statement);
    context.table.numbers.sawId(row?.first);
    const leased = row === undefined ? [] : leasedItems(items, ids, row);
    return { outcomes: countPerRequest(requests, leased.length), leased };
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    // One request's data was refused. It was all undone, and is sorted out the ordinary way.
    return { outcomes: await produce(context, requests, expireTimeout), leased: [] };
  }
}

/** The content need not come back from the database, and the ids follow from the first. */
function leasedItems(
  items: readonly NewItem[],
  ids: Buffer,
  { first, leased, leaseDeadline }: StoredRow,
): readonly LeasedItem[] {
  const number = firstNumberOf(first);
  const ends = randomEndsOf(ids);
  return items.slice(0, leased).map(({ encoding, kind, reference, payload }, n) => {
    const end = ends.slice(n * ITEM_ID_RANDOM_LENGTH, (n + 1) * ITEM_ID_RANDOM_LENGTH);
    const id = formatItemId(number + BigInt(n), end);
    return { id, attempts: 1, leaseDeadline, encoding, kind, reference, payload };
  });
}

function countPerRequest(
  requests: readonly ProduceRequest[],
  leased: number,
): ProduceAndLeaseResult['outcomes'] {
  let left = leased;
  return requests.map(({ items }) => {
    const taken = Math.min(left, items.length);
    left -= taken;
    return { ok: true, value: { waiting: items.length - taken, scheduled: 0 } };
  });
}
