import {
  type Logger,
  type MinuteCounts,
  type QueueCounts,
  type QueueDepthSample,
  RATE_EVENTS,
  RATES_KEPT,
  type RateCounts,
  type RateStore,
  type Rates,
  type RatesRequest,
  toMilliseconds,
  UNSET_INSTANT,
} from '@querator/core';
import { now } from '../operations/now.ts';
import { RATES } from '../schema/separate-tables.ts';
import type { StoreParts } from '../schema/store-parts.ts';
import { asciiText, fromAsciiText } from '../sql/ascii-json.ts';
import { nowParameter, nowSql } from '../sql/partition-table.ts';
import { durationToText, instantFromText } from '../wire/instant-text.ts';
import { DepthColumn } from './depth-column.ts';

const [TABLE = ''] = RATES.relations;
const NOW = nowSql('$1');

/** The most old rows that one call removes. A process with 1,000 busy queues adds 1,000 a minute. */
const REMOVED_AT_ONCE = 10_000;

/**
 * Rows are written in the order of their names, so that no two processes wait for each
 * other. Old rows that another process is about to remove are skipped. Nobody needs these
 * counts after a crash, so do not wait for the disk.
 */
const addTo = (table: string, hasDepth: boolean) => `
  WITH old AS (
    DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM ${table}
      WHERE minute < ${NOW} - interval '${toMilliseconds(RATES_KEPT)} milliseconds'
      LIMIT ${REMOVED_AT_ONCE} FOR UPDATE SKIP LOCKED))),
  added AS (
    INSERT INTO ${table} AS rates (minute, queue, ${RATE_EVENTS}${hasDepth ? ', depth' : ''})
    SELECT date_trunc('minute', ${NOW}), queue, ${RATE_EVENTS}${hasDepth ? ', depth' : ''}
    FROM jsonb_to_recordset($2::jsonb) AS counts (queue text, ${RATE_EVENTS.map((event) => `${event} bigint`)}, depth jsonb)
    ORDER BY queue COLLATE "C"
    ON CONFLICT (minute, queue) DO UPDATE SET
      ${RATE_EVENTS.map((event) => `${event} = rates.${event} + EXCLUDED.${event}`)}${
        hasDepth ? ', depth = coalesce(EXCLUDED.depth, rates.depth)' : ''
      })
  SELECT pg_catalog.set_config('synchronous_commit', 'off', true)`;

/**
 * One lookup in the index for each minute and queue, however many other queues there are.
 * The row is read as JSON because a table of an earlier version has no column `depth`.
 */
const readFrom = (table: string) => `
  SELECT found.*, ${NOW}::text AS now
  FROM (VALUES (1)) AS always LEFT JOIN LATERAL (
    SELECT rates.minute::text AS minute, rates.queue, ${RATE_EVENTS.map((event) => `rates.${event}`)},
      to_jsonb(rates) ->> 'depth' AS depth
    FROM generate_series(date_trunc('minute', ${NOW} - $3::interval), ${NOW}, interval '1 minute')
      AS minutes (minute)
    JOIN ${table} AS rates ON rates.minute = minutes.minute AND rates.queue = ANY ($2::text[])
    ORDER BY rates.queue, rates.minute) AS found ON true`;

type RateRow = { readonly now: string } & (
  | { readonly queue: null }
  | ({ readonly queue: string; readonly minute: string; readonly depth: string | null } & Readonly<
      Record<keyof RateCounts, string>
    >)
);

/** What happened to queues, in a table of its own; see core's `RateStore` for the contract. */
export class PostgresRateStore implements RateStore {
  readonly #parts: StoreParts;
  readonly #depth: DepthColumn;

  constructor({ logger, ...parts }: StoreParts & { readonly logger: Logger }) {
    this.#parts = parts;
    this.#depth = new DepthColumn({ db: parts.db, logger, table: TABLE });
  }

  async add(counts: readonly QueueCounts[]): Promise<void> {
    if (counts.length === 0) return;
    const { db, schema, calls } = this.#parts;
    const rows = counts.map(({ queue, ...count }) => ({ queue: asciiText(queue), ...count }));
    const values = [this.#now(), JSON.stringify(rows)];
    const hasSample = counts.some(({ depth }) => depth !== undefined);
    await calls.run(schema.rates, () =>
      db.runInBackground(async () => {
        const hasDepth = hasSample && (await this.#depth.provide());
        await db
          .write({ text: addTo(db.schema.relation(TABLE), hasDepth), values })
          .catch((error: unknown) => {
            this.#depth.forget();
            throw error;
          });
      }),
    );
  }

  async read({ queues, span }: RatesRequest): Promise<Rates> {
    const { db, schema, calls, clock } = this.#parts;
    if (!(await calls.run(schema.fixed, () => schema.rates.exists()))) {
      return { now: await calls.track(() => now(db, clock)), counts: [] };
    }
    const values = [this.#now(), queues.map(asciiText), durationToText(span)];
    const rows = await calls.run(schema.rates, () =>
      db.read<RateRow>({ text: readFrom(db.schema.relation(TABLE)), values }),
    );
    const [first] = rows;
    return {
      now: first === undefined ? UNSET_INSTANT : instantFromText(first.now),
      counts: rows.flatMap((row): MinuteCounts[] => (row.queue === null ? [] : [toCounts(row)])),
    };
  }

  #now(): string | null {
    return nowParameter({ clock: this.#parts.clock });
  }
}

function toCounts({
  queue,
  minute,
  depth,
  ...row
}: Extract<RateRow, { readonly queue: string }>): MinuteCounts {
  const counts = Object.fromEntries(RATE_EVENTS.map((event) => [event, Number(row[event])]));
  return {
    ...(counts as RateCounts),
    queue: fromAsciiText(queue),
    minute: instantFromText(minute),
    ...(depth === null ? {} : { depth: JSON.parse(depth) as QueueDepthSample }),
  };
}
