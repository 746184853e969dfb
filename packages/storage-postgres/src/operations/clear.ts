import { type ClearRequest, StorageError } from '@querator/core';
import { PostgresError } from '../errors/postgres-error.ts';
import type { PartitionContext } from '../sql/partition-table.ts';

/** The number of items that one statement handles, which keeps it within its time limit. */
const ITEMS_AT_ONCE = 10_000;

/** All other statements on the table wait while TRUNCATE waits for its lock. */
const TRUNCATE_LOCK_MS = 50;

const wanted = `CASE
  WHEN enqueue_at IS NOT NULL THEN $3::boolean
  WHEN is_leased THEN $2::boolean
  ELSE $1::boolean END`;

/** Ends at the last id that existed at the start: items produced meanwhile could prolong it without end. */
const clearSome = (table: string) => `
  WITH seen AS MATERIALIZED (
    SELECT id, ${wanted} AS wanted FROM ${table} WHERE id > $4 AND id <= $5 ORDER BY id LIMIT ${ITEMS_AT_ONCE}),
  gone AS (
    DELETE FROM ${table} WHERE id = ANY (ARRAY(SELECT id FROM seen WHERE wanted)) AND ${wanted} RETURNING 1)
  SELECT (SELECT count(*)::int FROM gone) AS removed, count(*)::int AS seen, max(id) AS last FROM seen`;

interface Cleared {
  readonly removed: number;
  readonly seen: number;
  readonly last: string | null;
}

/**
 * Removes all items in the given states. A large table is emptied at once if possible,
 * or cleared in parts that commit one by one.
 *
 * @returns the number of removed items.
 * @throws StorageError with outcome `unknown` when it fails after a part.
 */
export async function clear(context: PartitionContext, request: ClearRequest): Promise<number> {
  let removed = 0;
  try {
    const [end] = await context.db.read<{ last: string | null }>({
      text: `SELECT max(id) AS last FROM ${context.table.name}`,
    });
    const all = request.waiting && request.leased && request.scheduled;
    let last: string | null = '';
    for (let part = 1; last !== null && end?.last; part++) {
      const cleared = await clearPart(context, request, last, end.last);
      removed += cleared.removed;
      if (cleared.seen < ITEMS_AT_ONCE) break;
      const rest = all && part === 1 ? await truncate(context) : undefined;
      if (rest !== undefined) return removed + rest;
      last = cleared.last;
    }
  } catch (error) {
    if (removed === 0 || !(error instanceof StorageError)) throw error;
    throw new StorageError(`${error.message}; ${removed} items were removed before that`, {
      outcome: 'unknown',
      cause: error,
    });
  }
  return removed;
}

async function clearPart(
  { db, table }: PartitionContext,
  { waiting, leased, scheduled }: ClearRequest,
  after: string,
  end: string,
): Promise<Cleared> {
  const values = [waiting, leased, scheduled, after, end];
  const [row] = await db.maintenance((session) =>
    session.query<Cleared>({ text: clearSome(table.name), values }),
  );
  return row ?? { removed: 0, seen: 0, last: null };
}

/**
 * Empties the table at once. That needs a right, and a long reader of the table such
 * as a backup prevents it. The table is cleared in parts then.
 *
 * @returns the number of removed items. Undefined if the table was not emptied.
 */
async function truncate({ db, table }: PartitionContext): Promise<number | undefined> {
  try {
    // Before the transaction, not within it: two transactions that both hold a read lock would deadlock.
    const text = `SELECT count(*)::int AS count FROM ${table.name}`;
    const [row] = await db.maintenance((session) => session.query<{ count: number }>({ text }));
    await db.transaction(async (session) => {
      await session.query({ text: `SET LOCAL lock_timeout = ${TRUNCATE_LOCK_MS}` });
      await session.query({ text: `TRUNCATE ${table.name}` });
    });
    return row?.count ?? 0;
  } catch (error) {
    if (error instanceof PostgresError && error.outcome === 'not-applied') return undefined;
    throw error;
  }
}
