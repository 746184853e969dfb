import {
  type CountOptions,
  type Duration,
  microseconds,
  milliseconds,
  type PartitionStats,
} from '@querator/core';
import { LIVING, PREPARED_LETTER } from '../sql/item-state.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';

interface StatsRow {
  readonly waiting: number;
  readonly leased: number;
  readonly scheduled: number;
  readonly age_seconds: number | null;
  readonly left_seconds: number | null;
  readonly head_seconds: number | null;
}

/**
 * Moving items count as leased, but their lease deadline is that of a claim, so it is
 * ignored. Prepared letters do not count.
 */
const countItems = (table: string) => `
  SELECT
    count(*) FILTER (WHERE NOT is_leased AND enqueue_at IS NULL)::int AS waiting,
    count(*) FILTER (WHERE is_leased AND NOT ${PREPARED_LETTER})::int AS leased,
    count(*) FILTER (WHERE enqueue_at IS NOT NULL)::int AS scheduled,
    extract(epoch FROM avg(${nowSql('$1')} - created_at)
      FILTER (WHERE enqueue_at IS NULL AND NOT ${PREPARED_LETTER}))::float8 AS age_seconds,
    extract(epoch FROM avg(lease_deadline - ${nowSql('$1')})
      FILTER (WHERE is_leased AND ${LIVING} AND NOT ${PREPARED_LETTER}))::float8 AS left_seconds,
    extract(epoch FROM ${nowSql('$1')} - (SELECT created_at FROM ${table}
      WHERE is_leased = false AND enqueue_at IS NULL
      ORDER BY is_leased, enqueue_at, id LIMIT 1))::float8 AS head_seconds
  FROM ${table}`;

const NO_TIME = milliseconds(0);

/** The stats of a partition that was never used. */
export const NOTHING: PartitionStats = {
  ...{ waiting: 0, leased: 0, scheduled: 0 },
  ...{ averageAge: NO_TIME, headAge: NO_TIME, averageLeaseLeft: NO_TIME },
};

/** Counts items in one statement, and so at one moment. */
export async function stats(context: PartitionContext, options?: CountOptions): Promise<PartitionStats> {
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

function fromSeconds(seconds: number | null | undefined): Duration {
  return microseconds(BigInt(Math.round((seconds ?? 0) * 1e6)));
}
