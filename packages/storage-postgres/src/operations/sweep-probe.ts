import { withLongerLimit } from '../database/with-longer-limit.ts';
import { LIVING } from '../sql/item-state.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';

/** What is due now, and when something is due next, in milliseconds. Negative: overdue. */
export interface Due {
  /** Until the earliest scheduled item. Null if there is none. */
  readonly scheduledMs: number | null;
  /** Until the earliest end of a lease, or of a claim on a moving item. */
  readonly leaseMs: number | null;
  /** Whether a waiting item is past its expire deadline. */
  readonly expired: boolean;
  /** Until the next waiting item expires, or earlier. */
  readonly expireMs: number | null;
}

/**
 * The number of expire deadlines that are checked for one of a waiting item. Leased
 * and scheduled items expire later. If all of these belong to such items, the last
 * deadline is used. One probe too many is better than a walk over the table.
 */
const DEADLINES_READ = 100;

/** An item that was just made moving has a claim that ends at -infinity, which cannot be subtracted. */
const LONG_AGO = `'0001-01-01 00:00:00+00'::timestamptz`;

const NOW = nowSql('$1');
const millisecondsUntil = (deadline: string) => `CASE WHEN ${deadline} IS NOT NULL
  THEN (extract(epoch FROM greatest(${deadline}, ${LONG_AGO}) - ${NOW}) * 1000)::float8 END`;

/**
 * What is due, with the columns of {@link DueRow}. `$1` is the parameter for now.
 *
 * Each part reads a few entries at the front of one index. With `= false` instead of
 * `IS NOT TRUE`, the planner would search all waiting items in `_lse` for an expired
 * one.
 */
export const findDue = (table: string) => `
  SELECT
    ${millisecondsUntil('next.enqueue_at')} AS scheduled_ms,
    ${millisecondsUntil('next.lease_deadline')} AS lease_ms,
    next.expired IS NOT NULL AS expired,
    ${millisecondsUntil('next.expire_deadline')} AS expire_ms
  FROM (SELECT
    (SELECT enqueue_at FROM ${table} WHERE enqueue_at IS NOT NULL ORDER BY enqueue_at LIMIT 1) AS enqueue_at,
    (SELECT lease_deadline FROM ${table} WHERE is_leased = true ORDER BY lease_deadline LIMIT 1)
      AS lease_deadline,
    (SELECT expire_deadline FROM ${table}
      WHERE expire_deadline < ${NOW} AND is_leased IS NOT TRUE AND enqueue_at IS NULL
      ORDER BY expire_deadline LIMIT 1) AS expired,
    (SELECT CASE
        WHEN bool_or(waiting) THEN min(expire_deadline) FILTER (WHERE waiting)
        WHEN count(*) = ${DEADLINES_READ} THEN max(expire_deadline) END
      FROM (
        SELECT expire_deadline, is_leased IS NOT TRUE AND enqueue_at IS NULL AS waiting
        FROM ${table} WHERE expire_deadline >= ${NOW} AND ${LIVING}
        ORDER BY expire_deadline LIMIT ${DEADLINES_READ}) AS coming) AS expire_deadline
  ) AS next`;

/** Reads what is due now, and when something is due next. */
export async function probe(context: PartitionContext): Promise<Due> {
  const [row] = await withLongerLimit<DueRow>(context.db, 'read', {
    ...context.table.prepared('sweep_probe', findDue),
    values: [nowParameter(context)],
  });
  return dueOf(row);
}

/** What {@link findDue} returns. */
export interface DueRow {
  readonly scheduled_ms: number | null;
  readonly lease_ms: number | null;
  readonly expired: boolean;
  readonly expire_ms: number | null;
}

/** What a row says. Without one, nothing is due. */
export function dueOf(row: DueRow | undefined): Due {
  return {
    scheduledMs: row?.scheduled_ms ?? null,
    leaseMs: row?.lease_ms ?? null,
    expired: row?.expired ?? false,
    expireMs: row?.expire_ms ?? null,
  };
}
