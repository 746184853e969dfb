import {
  instantFromMicroseconds,
  type MinuteCounts,
  type QueueCounts,
  type QueueDepthSample,
  RATE_EVENTS,
  RATE_INTERVAL,
  RATES_KEPT,
  type RateCounts,
  type Rates,
  type RatesRequest,
  toMicroseconds,
} from '@querator/core';
import type { Transaction } from '../file/transaction.ts';

const MINUTE = toMicroseconds(RATE_INTERVAL);

type RateRow = { readonly minute: bigint; readonly queue: string; readonly depth: string | null } & {
  readonly [Event in keyof RateCounts]: bigint;
};

function addRates(
  { connection, now }: Transaction,
  { counts }: { readonly counts: readonly QueueCounts[] },
): void {
  connection.run('delete from rates where minute < ?', now - toMicroseconds(RATES_KEPT));
  const sums = RATE_EVENTS.map((event) => `${event} = ${event} + excluded.${event}`);
  for (const { queue, depth, ...added } of counts) {
    connection.run(
      `insert into rates (minute, queue, ${RATE_EVENTS}, depth) values (?, ?, ?, ?, ?, ?, ?, ?)
       on conflict (minute, queue) do update set ${sums}, depth = coalesce(excluded.depth, depth)`,
      ...[minuteOf(now), queue, ...RATE_EVENTS.map((event) => added[event])],
      depth === undefined ? null : JSON.stringify(depth),
    );
  }
}

function readRates({ connection, now }: Transaction, { queues, span }: RatesRequest): Rates {
  const rows = connection.all<RateRow>(
    `select * from rates where minute >= ? and queue in (select value from json_each(?))
     order by queue, minute`,
    ...[minuteOf(now - toMicroseconds(span)), JSON.stringify(queues)],
  );
  return { now, counts: rows.map(countsOf) };
}

function countsOf({ minute, queue, depth, ...row }: RateRow): MinuteCounts {
  const counts = Object.fromEntries(RATE_EVENTS.map((event) => [event, Number(row[event])]));
  return { ...(counts as RateCounts), queue, minute: instantFromMicroseconds(minute), ...depthIn(depth) };
}

function depthIn(json: string | null): Pick<MinuteCounts, 'depth'> {
  return json === null ? {} : { depth: JSON.parse(json) as QueueDepthSample };
}

function minuteOf(at: bigint): bigint {
  return at - (at % MINUTE);
}

/** The calls on what happened to queues. */
export const RATE_CALLS = { addRates, readRates };
