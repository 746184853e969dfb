import type { CountOptions, KeySweepResult } from '@querator/core';
import { withLongerLimit } from '../database/with-longer-limit.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';

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
