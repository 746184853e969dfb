import { type Duration, microseconds, milliseconds, type PartitionStats } from '@querator/core';
import { PREPARED_LETTER } from '../sql/item-state.ts';
import { nowSql } from '../sql/partition-table.ts';

/** Which rows are counted in each state. Moving items count as leased. Prepared letters do not count. */
export const COUNTED = {
  waiting: 'NOT is_leased AND enqueue_at IS NULL',
  leased: `is_leased AND NOT ${PREPARED_LETTER}`,
  scheduled: 'enqueue_at IS NOT NULL',
} as const;

/** SQL for the counts of some rows. */
export const COUNTS = `
  count(*) FILTER (WHERE ${COUNTED.waiting})::int AS waiting,
  count(*) FILTER (WHERE ${COUNTED.leased})::int AS leased,
  count(*) FILTER (WHERE ${COUNTED.scheduled})::int AS scheduled`;

/** SQL for the age of the item that is leased next, in seconds. Null: none waits. `$1` is now. */
export const headSeconds = (table: string) => `
  extract(epoch FROM ${nowSql('$1')} - (SELECT created_at FROM ${table}
    WHERE is_leased = false AND enqueue_at IS NULL
    ORDER BY is_leased, enqueue_at, id LIMIT 1))::float8`;

const NO_TIME = milliseconds(0);

/** The stats of a partition that was never used. */
export const NOTHING: PartitionStats = {
  ...{ waiting: 0, leased: 0, scheduled: 0 },
  ...{ averageAge: NO_TIME, headAge: NO_TIME, averageLeaseLeft: NO_TIME },
};

/** The duration of so many seconds; 0 for null. */
export function fromSeconds(seconds: number | null | undefined): Duration {
  return microseconds(BigInt(Math.round((seconds ?? 0) * 1e6)));
}
