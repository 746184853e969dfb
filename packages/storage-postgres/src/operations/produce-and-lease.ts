import type { Duration, ItemId, LeaseBatch, ProduceAndLeaseResult, ProduceRequest } from '@querator/core';
import { firstNumberOf, ITEMS_PER_STATEMENT, idsFrom, newIds } from '../sql/new-item-id.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { isRefusedData } from '../sql/refused-data.ts';
import { durationToText } from '../wire/instant-text.ts';
import { hasMetadata, insertItems } from './insert-items.ts';
import { LEASED, type StoredRow } from './leased-shape.ts';
import { newLeasedItems } from './new-leased-items.ts';
import { produce, withIds } from './produce.ts';

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
    const leased = newLeasedItems(context, items.slice(0, row.leased), idsOf, {
      ...{ leaseDeadline: row.leaseDeadline, leaseTimeout, details },
    });
    return { outcomes: countPerRequest(requests, leased.length, idsOf), leased };
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    // The data of one request was refused and everything rolled back, so produce without leasing.
    return { outcomes: await produce(context, requests, expireTimeout), leased: [] };
  }
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
