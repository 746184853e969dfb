import { type ItemId, itemNotLeased, noSuchItem, type Outcome } from '@querator/core';
import type { Session } from '../database/database.ts';
import { NOT_A_NUMBER, PostgresError } from '../errors/postgres-error.ts';
import { textArray } from '../wire/binary-array.ts';
import { LEASED_OR_MOVING, MOVING, PREPARED_LETTER } from './item-state.ts';
import type { PartitionContext } from './partition-table.ts';
import { isPossibleId } from './refused-data.ts';

/**
 * SQL for a value that makes the whole statement fail and roll back. It reads a text
 * with the reason as a number. It depends on the aggregate `counted`; otherwise the
 * planner would evaluate it first.
 */
export function failUnlessAllLeased(counted: string): string {
  return `('only ' || ${counted} || ' of the items are leased')::int`;
}

/** Whether a statement failed by {@link failUnlessAllLeased}. */
export function notAllLeased(error: unknown): boolean {
  return error instanceof PostgresError && error.sqlState === NOT_A_NUMBER;
}

/** Locks rows in the order of ids, so that callers with ids in common cannot deadlock. */
const lockItems = (table: string) => `
  SELECT id, ${LEASED_OR_MOVING} AND NOT ${MOVING} AND NOT ${PREPARED_LETTER} AS leased, ${LEASED_OR_MOVING} OR enqueue_at IS NOT NULL AS hidden
  FROM ${table} WHERE id = ANY ($1::text[]) ORDER BY id FOR UPDATE`;

interface LockedRow {
  readonly id: string;
  readonly leased: boolean;
  /** Not waiting: leased, moving or scheduled. */
  readonly hidden: boolean;
}

/**
 * Locks the items of requests, and decides for each request in turn whether all of its
 * items are leased. The items of an accepted request are not leased any more for the
 * requests after it.
 *
 * @returns undefined for an accepted request, or its outcome.
 */
export async function decideLeased(
  session: Session,
  { table }: PartitionContext,
  requests: readonly (readonly ItemId[])[],
  action: 'completed' | 'retried',
): Promise<readonly (Outcome<never> | undefined)[]> {
  const rows = await session.query<LockedRow>({
    ...table.prepared('lock', lockItems),
    values: [textArray([...new Set(requests.flat())].filter(isPossibleId))],
  });
  const states = new Map(rows.map((row) => [row.id, row]));
  return requests.map((ids) => {
    const bad = ids.find((id) => !states.get(id)?.leased);
    if (bad !== undefined) {
      const waits = states.get(bad)?.hidden === false;
      return { ok: false, error: waits ? itemNotLeased(bad, action) : noSuchItem(bad) };
    }
    for (const id of ids) states.delete(id);
    return undefined;
  });
}
