import type { CountOptions, PartitionStats } from '@querator/core';
import { LIVING, PREPARED_LETTER } from '../sql/item-state.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { COUNTS, fromSeconds, headSeconds } from './count-sql.ts';
import { estimateStats } from './estimate-stats.ts';

interface StatsRow {
  readonly waiting: number;
  readonly leased: number;
  readonly scheduled: number;
  readonly age_seconds: number | null;
  readonly left_seconds: number | null;
  readonly head_seconds: number | null;
}

/** The lease deadline of a moving item is that of a claim, so it is ignored. */
const countItems = (table: string) => `
  SELECT ${COUNTS},
    extract(epoch FROM avg(${nowSql('$1')} - created_at)
      FILTER (WHERE enqueue_at IS NULL AND NOT ${PREPARED_LETTER}))::float8 AS age_seconds,
    extract(epoch FROM avg(lease_deadline - ${nowSql('$1')})
      FILTER (WHERE is_leased AND ${LIVING} AND NOT ${PREPARED_LETTER}))::float8 AS left_seconds,
    ${headSeconds(table)} AS head_seconds
  FROM ${table}`;

/** Counts items in one statement, and so at one moment. */
export async function stats(context: PartitionContext, options?: CountOptions): Promise<PartitionStats> {
  if (options?.mayEstimate === true) return estimateStats(context);
  const { db, table } = context;
  const statement = { ...table.prepared('stats', countItems), values: [nowParameter(context)] };
  const [row] = await db.count<StatsRow>(statement, options);
  return {
    waiting: row?.waiting ?? 0,
    leased: row?.leased ?? 0,
    scheduled: row?.scheduled ?? 0,
    averageAge: fromSeconds(row?.age_seconds),
    headAge: fromSeconds(row?.head_seconds),
    averageLeaseLeft: fromSeconds(row?.left_seconds),
  };
}
