import type { Instant, LeaseBatch, LeasedItem, Outcome, ProduceResult } from '@querator/core';
import type { ItemTable } from './item-table.ts';
import { leaseItems } from './lease-items.ts';

/** The results of requests without the leased items, and these. */
interface NewLeases<Result> {
  readonly outcomes: readonly Outcome<Result>[];
  readonly leased: readonly LeasedItem[];
}

/**
 * Finds out whether an item waits, before new ones are stored.
 *
 * @returns a function that leases the new ones if none waited. It takes the results of
 *   the requests that stored them, in order.
 */
export function leaseOfNewItems(
  table: ItemTable,
  batch: LeaseBatch,
  now: Instant,
): <Result extends ProduceResult>(results: readonly Result[]) => NewLeases<Result> {
  const isFree = table.oldestWaiting() === undefined;
  return (results) => {
    const leased = isFree ? leaseItems(table, batch, Number.POSITIVE_INFINITY, now) : [];
    let left = leased.length;
    return {
      outcomes: results.map((result) => {
        const taken = Math.min(left, result.waiting);
        left -= taken;
        return { ok: true, value: { ...result, waiting: result.waiting - taken } };
      }),
      leased,
    };
  };
}
