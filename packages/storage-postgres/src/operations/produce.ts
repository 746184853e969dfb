import type { Duration, ItemId, Outcome, ProduceRequest, ProduceResult } from '@querator/core';
import type { Session } from '../database/database.ts';
import { firstNumberAt, idsFrom, newIds } from '../sql/new-item-id.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { refusedItems } from '../sql/refused-data.ts';
import { refuseMetadata } from '../sql/refused-metadata.ts';
import {
  dueTimes,
  guardOfOne,
  hasMetadata,
  insertItems,
  type NumberedRow,
  ONE,
  PLAIN,
  SCHEDULED,
  type StoredOne,
} from './insert-items.ts';
import { writeRequests } from './whole-requests.ts';

/** Stores all requests, each as a whole. */
export function produce(
  context: PartitionContext,
  requests: readonly ProduceRequest[],
  expireTimeout: Duration,
): Promise<readonly Outcome<ProduceResult>[]> {
  const refused = refuseMetadata(context, requests, ({ items }) => items.some(hasMetadata));
  if (refused !== undefined) return refused((others) => produce(context, others, expireTimeout));
  return writeRequests(context.db, requests, {
    count: ({ items }) => items.length,
    insert: (send, some) => insert(send, context, some, expireTimeout),
    refused: (error, { items }) => refusedItems(context.db, error, items),
  });
}

/** Stores all requests in one statement. */
export async function insert(
  send: Session['query'],
  context: PartitionContext,
  requests: readonly ProduceRequest[],
  expireTimeout: Duration,
): Promise<readonly ProduceResult[]> {
  const items = requests.flatMap((request) => request.items);
  if (items.length === 0) return requests.map(() => ({ waiting: 0, scheduled: 0 }));
  const ids = newIds(context, items.length);
  const insertion = { items, ids, expireTimeout };
  if (items.every((item) => item.enqueueAt === undefined)) {
    const results = requests.map((request) => ({ waiting: request.items.length, scheduled: 0 }));
    if (items.length === 1) {
      const [row] = await send<StoredOne>(insertItems(context, ONE, insertion, guardOfOne(context.table)));
      context.table.numbers.observeId(row?.id);
      return withIds(requests, results, () => (row === undefined ? [] : [row.id]));
    }
    const [row] = await send<NumberedRow>(insertItems(context, PLAIN, insertion));
    const number = BigInt(row?.number ?? 0);
    context.table.numbers.observe(number);
    return withIds(requests, results, () => idsFrom(firstNumberAt(number), ids, items.length));
  }
  const rows = await send<ScheduledRow>(insertItems(context, SCHEDULED, insertion, [dueTimes(items)]));
  context.table.numbers.observeId(rows[0]?.id);
  return withIds(requests, countPerRequest(requests, rows), () => rows.map(({ id }) => id));
}

/** Adds their ids to the results of the requests that ask for them. @param idsOfAll those of all items, in order. */
export function withIds(
  requests: readonly ProduceRequest[],
  results: readonly ProduceResult[],
  idsOfAll: () => readonly ItemId[],
): readonly ProduceResult[] {
  if (!requests.some(({ returnIds }) => returnIds === true)) return results;
  const all = idsOfAll();
  let next = 0;
  return results.map((result, n) => {
    const { items, returnIds } = requests[n] as ProduceRequest;
    const ids = all.slice(next, next + items.length);
    next += items.length;
    return returnIds === true ? { ...result, ids } : result;
  });
}

interface ScheduledRow {
  readonly id: ItemId;
  readonly scheduled: boolean;
}

function countPerRequest(
  requests: readonly ProduceRequest[],
  rows: readonly ScheduledRow[],
): readonly ProduceResult[] {
  let next = 0;
  return requests.map(({ items }) => {
    const scheduled = rows.slice(next, next + items.length).filter((row) => row.scheduled).length;
    next += items.length;
    return { waiting: items.length - scheduled, scheduled };
  });
}
