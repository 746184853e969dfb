import type { Duration, ItemId, Outcome, ProduceRequest, ProduceResult } from '@querator/core';
import type { Session, Statement } from '../database/database.ts';
import { PostgresError } from '../errors/postgres-error.ts';
import { firstNumberAt, ITEMS_PER_STATEMENT, idsFrom, newIds } from '../sql/new-item-id.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { isRefusedData, refusedItems } from '../sql/refused-data.ts';
import {
  dueTimes,
  guardOfOne,
  insertItems,
  type NumberedRow,
  ONE,
  PLAIN,
  SCHEDULED,
  type StoredOne,
} from './insert-items.ts';

/** Stores all requests in one statement. It is atomic, which keeps each request whole. */
export async function produce(
  context: PartitionContext,
  requests: readonly ProduceRequest[],
  expireTimeout: Duration,
): Promise<readonly Outcome<ProduceResult>[]> {
  try {
    const results = await insertAll(context, requests, expireTimeout);
    return results.map((value) => ({ ok: true, value }));
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    const [only] = requests;
    if (requests.length === 1 && only !== undefined) {
      return [{ ok: false, error: await refusedItems(context.db, error, only.items) }];
    }
    return await oneByOne(context, requests, expireTimeout);
  }
}

/**
 * The data of one request was refused, so stores each by itself, in one transaction.
 * If storage fails in between, nothing is left that the caller would store twice.
 */
async function oneByOne(
  context: PartitionContext,
  requests: readonly ProduceRequest[],
  expireTimeout: Duration,
): Promise<readonly Outcome<ProduceResult>[]> {
  const results = await context.db.transaction(async (session) => {
    const outcomes: (ProduceResult | PostgresError)[] = [];
    for (const request of requests) {
      await session.query({ text: 'SAVEPOINT request' });
      try {
        const send = <Row>(statement: Statement) => session.query<Row>(statement);
        const values = await insert(send, context, [request], expireTimeout);
        outcomes.push(...values);
      } catch (error) {
        if (!isRefusedData(error)) throw error;
        await session.query({ text: 'ROLLBACK TO SAVEPOINT request' });
        outcomes.push(error);
      }
      await session.query({ text: 'RELEASE SAVEPOINT request' });
    }
    return outcomes;
  });
  const toOutcome = async (result: ProduceResult | PostgresError, index: number) =>
    result instanceof PostgresError
      ? { ok: false as const, error: await refusedItems(context.db, result, requests[index]?.items ?? []) }
      : { ok: true as const, value: result };
  return await Promise.all(results.map(toOutcome));
}

/** In one statement, or in one transaction if the positions in an id are not enough. */
function insertAll(
  context: PartitionContext,
  requests: readonly ProduceRequest[],
  expireTimeout: Duration,
): Promise<readonly ProduceResult[]> {
  const groups = groupForStatements(requests);
  const [only] = groups;
  if (only === undefined) return Promise.resolve([]);
  if (groups.length === 1) {
    return insert((statement) => context.db.write(statement), context, only, expireTimeout);
  }
  return context.db.transaction(async (session) => {
    const results: ProduceResult[] = [];
    for (const group of groups) {
      results.push(...(await insert((statement) => session.query(statement), context, group, expireTimeout)));
    }
    return results;
  });
}

function groupForStatements(requests: readonly ProduceRequest[]): readonly (readonly ProduceRequest[])[] {
  const groups: ProduceRequest[][] = [];
  let room = 0;
  for (const request of requests) {
    if (groups.length === 0 || request.items.length > room) {
      groups.push([]);
      room = ITEMS_PER_STATEMENT;
    }
    groups.at(-1)?.push(request);
    room -= request.items.length;
  }
  return groups;
}

async function insert(
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
