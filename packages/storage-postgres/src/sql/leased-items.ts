import {
  type ItemId,
  itemNotLeased,
  itemScheduled,
  type LeaseAction,
  noSuchItem,
  type Outcome,
  type QueueError,
} from '@querator/core';
import type { Session } from '../database/database.ts';
import { NOT_A_NUMBER, PostgresError } from '../errors/postgres-error.ts';
import { textArray } from '../wire/binary-array.ts';
import { isAmong } from './array-parameter.ts';
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

/** SQL for the {@link HeldState} of an item. */
export const HELD_STATE = `CASE
    WHEN NOT ${LEASED_OR_MOVING} THEN CASE WHEN enqueue_at IS NULL THEN 'waiting' ELSE 'scheduled' END
    WHEN ${MOVING} OR ${PREPARED_LETTER} THEN 'hidden'
    ELSE 'leased' END`;

/** What a consumer may know of an item. `hidden`: moving, or a prepared letter. */
export type HeldState = 'leased' | 'waiting' | 'scheduled' | 'hidden';

/** The error for an item that is not leased. */
export function notLeasedError(id: ItemId, state: HeldState | undefined, action: LeaseAction): QueueError {
  if (state === 'waiting') return itemNotLeased(id, action);
  return state === 'scheduled' ? itemScheduled(id, action) : noSuchItem(id);
}

/** Locks rows in the order of ids, so that callers with ids in common cannot deadlock. */
const lockItems = (table: string) => `
  SELECT id, ${HELD_STATE} AS state
  FROM ${table} WHERE ${isAmong('id', '$1', 'text')} ORDER BY id FOR UPDATE`;

interface LockedRow {
  readonly id: string;
  readonly state: HeldState;
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
  action: LeaseAction,
): Promise<readonly (Outcome<never> | undefined)[]> {
  const rows = await session.query<LockedRow>({
    ...table.prepared('lock', lockItems),
    values: [textArray([...new Set(requests.flat())].filter(isPossibleId))],
  });
  const states = new Map(rows.map(({ id, state }) => [id, state]));
  return requests.map((ids) => {
    const bad = ids.find((id) => states.get(id) !== 'leased');
    if (bad !== undefined) return { ok: false, error: notLeasedError(bad, states.get(bad), action) };
    for (const id of ids) states.delete(id);
    return undefined;
  });
}
