import {
  type CarriedKey,
  type CarriedKeys,
  type CountOptions,
  ITEM_ID_RANDOM_LENGTH,
  KEYS_PAGE_IDS,
  type KeyedProduceOptions,
  type KeySweepResult,
  type KeysRequest,
} from '@querator/core';
import { withLongerLimit } from '../database/with-longer-limit.ts';
import { KEY_COLUMNS, type KeyRow, keyParameters, rowToKey } from '../sql/key-rows.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { isRefusedData, refusedItems } from '../sql/refused-data.ts';
import { keySpreadMark } from './keyed-shape.ts';

const NOW = nowSql('$1');

/**
 * How far behind the last complete sweep the next one begins. A key that is stored later
 * ends later, unless its statement took longer than this.
 */
const OVERLAP = `interval '1 hour'`;

/**
 * A key that is stored again meanwhile stays: the lock reads its row anew. Both reads go
 * through the index on `ends_at`. The first one begins at $3, so that it does not pass
 * the removed keys of hours ago, whose entries stay while vacuum is held up.
 */
const sweepIn = (keys: string) => `
  WITH ended AS MATERIALIZED (
    SELECT key FROM ${keys} WHERE ends_at <= ${NOW} AND ends_at >= $3::timestamptz
    ORDER BY ends_at LIMIT $2 FOR UPDATE SKIP LOCKED),
  gone AS (DELETE FROM ${keys} AS held USING ended WHERE held.key = ended.key RETURNING 1)
  SELECT (SELECT count(*) FROM gone)::int AS removed, (${NOW} - ${OVERLAP})::text AS "sweptTo",
    (SELECT extract(epoch FROM ends_at - ${NOW}) * 1000 FROM ${keys}
      WHERE ends_at > ${NOW} ORDER BY ends_at LIMIT 1)::float8 AS "nextEndMs"`;

/** Where the sweeps of a partition's keys begin. */
export interface KeySweepStart {
  /** A timestamp as PostgreSQL writes it. Keys that ended earlier are removed. */
  from: string;
}

interface SweptRow {
  readonly removed: number;
  readonly sweptTo: string;
  readonly nextEndMs: number | null;
}

/**
 * Removes ended keys, the oldest first. Moves `start` if none is left. A process that
 * starts passes all removed keys that vacuum has not taken yet, which may take long.
 */
export async function sweepKeys(
  context: PartitionContext,
  limit: number,
  start: KeySweepStart,
): Promise<KeySweepResult> {
  const { db, table } = context;
  const [row] = await withLongerLimit<SweptRow>(db, 'write', {
    ...table.prepared('keys_sweep', () => sweepIn(table.keysName)),
    values: [nowParameter(context), limit, start.from],
  });
  const removed = row?.removed ?? 0;
  if (removed >= limit) return { removed, nextEndMs: 0 };
  if (row !== undefined) start.from = row.sweptTo;
  return { removed, nextEndMs: row?.nextEndMs ?? undefined };
}

/** Counts the keys, which reads all of them. */
export async function countKeys(
  { db, table }: PartitionContext,
  options: CountOptions = {},
): Promise<number> {
  const text = `SELECT count(*)::int AS keys FROM ${table.keysName}`;
  const [row] = await db.count<{ keys: number }>({ text }, options);
  return row?.keys ?? 0;
}

/**
 * Keys in byte order, which is that of the primary key. Ended ones are read too: the rest
 * of a page of `limit` keys may be far away.
 */
const readFrom = (keys: string) => `
  WITH page AS MATERIALIZED (
    SELECT * FROM ${keys} WHERE key > $2::text ORDER BY key LIMIT $3::bigint),
  measured AS (
    SELECT *, sum(length(random_ends)) OVER (ORDER BY key) - length(random_ends) AS before FROM page)
  SELECT ${KEY_COLUMNS}, ends_at > ${NOW} AS lasts, (SELECT count(*) FROM page)::int AS found
  FROM measured WHERE before < ${KEYS_PAGE_IDS * ITEM_ID_RANDOM_LENGTH} ORDER BY key`;

type PageRow = KeyRow & { readonly lasts: boolean; readonly found: number };

export async function readKeys(
  context: PartitionContext,
  { after = '', limit }: KeysRequest,
): Promise<CarriedKeys> {
  const { db, table } = context;
  const rows = await db.read<PageRow>({
    ...table.prepared('keys_read', () => readFrom(table.keysName)),
    values: [nowParameter(context), after, limit],
  });
  const found = rows[0]?.found ?? 0;
  const hasMore = found >= limit || rows.length < found;
  return {
    keys: rows.filter(({ lasts }) => lasts).map(rowToKey),
    next: hasMore ? rows.at(-1)?.key : undefined,
  };
}

const storeIn = (keys: string) => `
  WITH stored AS (
    INSERT INTO ${keys} AS held (key, first_number, random_ends, ends_at)
    SELECT * FROM unnest($2::text[], $3::bigint[], $4::text[], $5::timestamptz[])
      AS u (key, first_number, random_ends, ends_at) WHERE ends_at > ${NOW}
    ON CONFLICT (key) DO UPDATE SET first_number = excluded.first_number, random_ends = excluded.random_ends,
      ends_at = excluded.ends_at WHERE held.ends_at <= ${NOW}
    RETURNING 1)
  SELECT count(*)::int AS stored FROM stored`;

/** Stores keys of another storage. They are in the same order in all processes, so that statements cannot deadlock. */
export async function storeKeys(
  context: PartitionContext,
  keys: readonly CarriedKey[],
  { keySpread = 0 }: Pick<KeyedProduceOptions, 'keySpread'> = {},
): Promise<number> {
  const mark = keySpread === 0 ? '' : keySpreadMark(keySpread);
  const { db, table } = context;
  const sorted = keys.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  try {
    const [row] = await db.write<{ stored: number }>({
      ...table.prepared('keys_store', () => storeIn(table.keysName)),
      values: [nowParameter(context), ...keyParameters(sorted, mark)],
    });
    return row?.stored ?? 0;
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    throw await refusedItems(
      db,
      error,
      [],
      keys.map(({ key }) => key),
    );
  }
}
