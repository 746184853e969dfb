import type { CountOptions, KeySweepResult } from '@querator/core';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';

const NOW = nowSql('$1');

/**
 * A key that is stored again meanwhile stays: the lock reads its row anew. Both reads go
 * through the index on `ends_at`.
 */
const sweepIn = (keys: string) => `
  WITH ended AS MATERIALIZED (
    SELECT key FROM ${keys} WHERE ends_at <= ${NOW} ORDER BY ends_at LIMIT $2 FOR UPDATE SKIP LOCKED),
  gone AS (DELETE FROM ${keys} AS held USING ended WHERE held.key = ended.key RETURNING 1)
  SELECT (SELECT count(*) FROM gone)::int AS removed,
    (SELECT extract(epoch FROM ends_at - ${NOW}) * 1000 FROM ${keys}
      WHERE ends_at > ${NOW} ORDER BY ends_at LIMIT 1)::float8 AS "nextEndMs"`;

/** Removes ended keys, the oldest first. */
export async function sweepKeys(context: PartitionContext, limit: number): Promise<KeySweepResult> {
  const { db, table } = context;
  const [row] = await db.write<{ removed: number; nextEndMs: number | null }>({
    ...table.prepared('keys_sweep', () => sweepIn(table.keysName)),
    values: [nowParameter(context), limit],
  });
  const removed = row?.removed ?? 0;
  return { removed, nextEndMs: removed >= limit ? 0 : (row?.nextEndMs ?? undefined) };
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
