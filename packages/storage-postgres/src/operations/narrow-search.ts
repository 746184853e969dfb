import { type InstantRange, type ItemFilter, type ItemId, StorageError } from '@querator/core';
import type { Statement } from '../database/database.ts';
import { Parameters } from '../sql/item-filter.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { instantToText } from '../wire/instant-text.ts';

/** With more rows in a range of an index, a search walks along the ids instead. */
const MOST_NARROW_ROWS = 5_000;
/** The same if reading the range takes longer, as behind many dead entries. In milliseconds. */
const NARROW_MS = 250;

/** A column of deadlines, with the condition of the rows that its index has, or of those that are wanted of it. */
interface Deadlines {
  readonly column: string;
  readonly condition: string;
}

const SCHEDULES: Deadlines = { column: 'enqueue_at', condition: 'enqueue_at IS NOT NULL' };
/** Also of moving items and prepared letters. */
const LEASES: Deadlines = { column: 'lease_deadline', condition: 'is_leased = true' };
const EXPIRIES: Deadlines = {
  column: 'expire_deadline',
  condition: 'is_leased IS NOT TRUE AND enqueue_at IS NULL',
};

/**
 * The ids of all rows that may match a filter, if an index of deadlines says so at once:
 * for items that are leased or scheduled, and for a range of deadlines. These indexes are
 * not in the order of ids, so a range is read as a whole or not used.
 *
 * An item that matches before and after this call, and stays under its id meanwhile, is
 * among them.
 *
 * @param msLeft how long the search may still take.
 * @returns undefined if no index is fit, or the range has too many rows: then the search reads along the ids.
 * @throws StorageError
 */
export async function narrowIds(
  { db, table }: PartitionContext,
  filter: ItemFilter,
  { msLeft, signal }: { readonly msLeft: number; readonly signal: AbortSignal | undefined },
): Promise<readonly ItemId[] | undefined> {
  const statement = narrowStatement(table.name, filter);
  if (statement === undefined) return undefined;
  try {
    const limitMs = Math.min(NARROW_MS, msLeft);
    const rows = await db.search<{ id: ItemId }>(statement, { limitMs, signal });
    return rows.length > MOST_NARROW_ROWS ? undefined : rows.map(({ id }) => id);
  } catch (error) {
    if (error instanceof StorageError && error.gaveUp && signal?.aborted !== true) return undefined;
    throw error;
  }
}

/** Reads at most one row more than a search may use, from the front of each range. */
function narrowStatement(table: string, filter: ItemFilter): Statement | undefined {
  const deadlines = deadlinesOf(filter);
  if (deadlines.length === 0) return undefined;
  const parameters = new Parameters([MOST_NARROW_ROWS + 1]);
  const from = filter.due?.from === undefined ? undefined : parameters.add(instantToText(filter.due.from));
  const to = filter.due?.to === undefined ? undefined : parameters.add(instantToText(filter.due.to));
  const parts = deadlines.map(({ column, condition }) => {
    const conditions = [
      condition,
      ...(from === undefined ? [] : [`${column} >= ${from}::timestamptz`]),
      ...(to === undefined ? [] : [`${column} < ${to}::timestamptz`]),
    ];
    return `(SELECT id FROM ${table} WHERE ${conditions.join(' AND ')} ORDER BY ${column} LIMIT $1)`;
  });
  return {
    text: `SELECT id FROM (${parts.join(' UNION ALL ')}) AS ranges LIMIT $1`,
    values: parameters.values,
  };
}

/** The indexes that have all rows which may match. Empty: there are none, or another index is better. */
function deadlinesOf({ ids, sourceId, state, due }: ItemFilter): readonly Deadlines[] {
  if (ids !== undefined || sourceId !== undefined) return [];
  const isRange = isBounded(due);
  switch (state) {
    case 'leased':
      return [LEASES];
    case 'scheduled':
      return [SCHEDULES];
    // Their own deadlines are elsewhere, and they are never due.
    case 'dead':
      return isRange ? [] : [LEASES];
    case 'moving':
      return isRange ? [] : [SCHEDULES];
    case 'waiting':
      return isRange ? [EXPIRIES] : [];
    case undefined:
      return isRange ? [SCHEDULES, LEASES, EXPIRIES] : [];
  }
}

function isBounded(range: InstantRange | undefined): boolean {
  return range?.from !== undefined || range?.to !== undefined;
}
