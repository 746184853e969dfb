import type { Duration, NewItem, Outcome, ProduceRequest, ProduceResult } from '@querator/core';
import { SCHEDULE_THRESHOLD } from '@querator/core';
import type { Session, Statement } from '../database.ts';
import { durationToText, instantToText } from '../instant-text.ts';
import { ITEMS_PER_STATEMENT, newItemIdSql, randomTails } from '../new-item-id.ts';
import { packContents } from '../packed-contents.ts';
import { nowParameter, nowSql, type PartitionContext } from '../partition-table.ts';
import { isRefusedData, refusedData } from '../refused-data.ts';

const NOW = nowSql('$1');
const ITEMS = 'unnest($4::text[], $5::text[], $6::text[], $8::int[], $9::int[]';
const NAMES = 'reference, encoding, kind, start, length';
const VALUES = `${newItemIdSql('u.position', '$3')}, ${NOW} + $2::interval, ${NOW},
    u.reference, u.encoding, u.kind, substring($7::bytea from u.start for u.length)`;

/** All of the items are for now: nothing needs to come back. */
const produceNow = (table: string) => `
  INSERT INTO ${table} (id, expire_deadline, created_at, reference, encoding, kind, payload)
  SELECT ${VALUES}
  FROM ${ITEMS}) WITH ORDINALITY AS u (${NAMES}, position)`;

/** The rows come back in the order of the items, and tell which of them are scheduled. */
const produceLater = (table: string) => `
  INSERT INTO ${table} (id, expire_deadline, created_at, reference, encoding, kind, payload, enqueue_at)
  SELECT ${VALUES},
    CASE WHEN u.enqueue_at >= ${NOW} + '${durationToText(SCHEDULE_THRESHOLD)}'::interval THEN u.enqueue_at END
  FROM ${ITEMS}, $10::timestamptz[]) WITH ORDINALITY AS u (${NAMES}, enqueue_at, position)
  RETURNING enqueue_at IS NOT NULL AS scheduled`;

/** Stores all requests in one statement, which is atomic and so keeps each request whole. */
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
    if (requests.length === 1) return [{ ok: false, error: refusedData(error) }];
    return await oneByOne(context, requests, expireTimeout);
  }
}

/**
 * One request's data was refused: the others must not suffer for it. They are
 * committed together, so that where storage fails in between nothing is left
 * that the caller would store once more.
 */
function oneByOne(
  context: PartitionContext,
  requests: readonly ProduceRequest[],
  expireTimeout: Duration,
): Promise<readonly Outcome<ProduceResult>[]> {
  return context.db.transaction(async (session) => {
    const outcomes: Outcome<ProduceResult>[] = [];
    for (const request of requests) {
      await session.query({ text: 'SAVEPOINT request' });
      try {
        const send = <Row>(statement: Statement) => session.query<Row>(statement);
        const values = await insert(send, context, [request], expireTimeout);
        outcomes.push(...values.map((value) => ({ ok: true, value }) as const));
      } catch (error) {
        if (!isRefusedData(error)) throw error;
        await session.query({ text: 'ROLLBACK TO SAVEPOINT request' });
        outcomes.push({ ok: false, error: refusedData(error) });
      }
      await session.query({ text: 'RELEASE SAVEPOINT request' });
    }
    return outcomes;
  });
}

/** In one statement, or where ids would run out of positions, in one transaction. */
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
  if (items.every((item) => item.enqueueAt === undefined)) {
    await send(bind(context, context.table.prepared('produce', produceNow), items, expireTimeout));
    return requests.map((request) => ({ waiting: request.items.length, scheduled: 0 }));
  }
  const statement = bind(
    context,
    context.table.prepared('produce_later', produceLater),
    items,
    expireTimeout,
  );
  const due = items.map(({ enqueueAt }) => (enqueueAt === undefined ? null : instantToText(enqueueAt)));
  const rows = await send<ScheduledRow>({ ...statement, values: [...(statement.values ?? []), due] });
  return countPerRequest(requests, rows);
}

interface ScheduledRow {
  readonly scheduled: boolean;
}

function bind(
  context: PartitionContext,
  statement: Statement,
  items: readonly NewItem[],
  expireTimeout: Duration,
): Statement {
  const packed = packContents(items);
  const values = [
    nowParameter(context),
    durationToText(expireTimeout),
    randomTails(context.random, items.length),
    packed.references,
    packed.encodings,
    packed.kinds,
    packed.payloads,
    packed.starts,
    packed.lengths,
  ];
  return { ...statement, values };
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
