import { type ClearRequest, StorageError } from '@querator/core';
import { PostgresError } from '../errors/postgres-error.ts';
import type { PartitionContext } from '../sql/partition-table.ts';

/** So many items are looked at in one statement, which so ends in time however many there are. */
const ITEMS_AT_ONCE = 10_000;

/** Whoever wants the table waits as well while TRUNCATE waits for its turn. */
const TRUNCATE_LOCK_MS = 50;

const wanted = `CASE
  WHEN enqueue_at IS NOT NULL THEN $3::boolean
  WHEN is_leased THEN $2::boolean
  ELSE $1::boolean END`;

/** Ends with the last id there was at the start: what is produced meanwhile would keep it going for ever. */
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
 * Removes all items in the given states. A big table is cleared in parts, each
 * with a commit of its own, or emptied as a whole where that is possible.
 *
 * @returns how many.
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
    throw new StorageError(`${error.message}; ${removed} items had been removed before`, {
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
 * Empties the table at once. A role need not be allowed to, and somebody who
 * reads the table for long, such as a backup, stands in the way: then the
 * parts go on.
 *
 * @returns how many items that were; nothing when it did not come about.
 */
async function truncate({ db, table }: PartitionContext): Promise<number | undefined> {
  try {
    // Before and not within the transaction: two that both hold a read lock would wait for each other.
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
