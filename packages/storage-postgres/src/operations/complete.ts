import type { CompleteRequest, ItemId, Outcome } from '@querator/core';
import type { Session, Statement } from '../database/database.ts';
import { MOVING, PREPARED_LETTER } from '../sql/item-state.ts';
import { decideLeased, failUnlessAllLeased, notAllLeased } from '../sql/leased-items.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { isPossibleId } from '../sql/refused-data.ts';
import { textArray } from '../wire/binary-array.ts';

const DONE: Outcome<void> = { ok: true, value: undefined };

/**
 * Deletes by id alone and checks the deleted rows. With `is_leased` in the condition,
 * old statistics make this 25 times slower (ADR 3).
 */
const deleteLeased = (table: string) => `
  WITH gone AS (
    DELETE FROM ${table} WHERE id = ANY ($1::text[])
    RETURNING is_leased AND NOT ${MOVING} AND NOT ${PREPARED_LETTER} AS leased)
  SELECT CASE WHEN count(*) FILTER (WHERE leased) = $2::int THEN 1
    ELSE ${failUnlessAllLeased('count(*) FILTER (WHERE leased)')} END
  FROM gone`;

/**
 * Removes leased items. All requests share one statement as long as all ids are good.
 * Otherwise each request is decided by itself.
 */
export async function complete(
  context: PartitionContext,
  requests: readonly CompleteRequest[],
): Promise<readonly Outcome<void>[]> {
  const ids = requests.flatMap((request) => request.ids);
  if (ids.length === 0) return requests.map(() => DONE);
  // An id in two requests can only be deleted once, so do not try.
  if (new Set(ids).size === ids.length && ids.every(isPossibleId)) {
    try {
      await context.db.write(deletion(context, ids));
      return requests.map(() => DONE);
    } catch (error) {
      if (!notAllLeased(error)) throw error;
    }
  }
  return await context.db.transaction((session) => completeGood(session, context, requests));
}

async function completeGood(
  session: Session,
  context: PartitionContext,
  requests: readonly CompleteRequest[],
): Promise<readonly Outcome<void>[]> {
  const idsOf = requests.map((request) => request.ids);
  const refused = await decideLeased(session, context, idsOf, 'completed');
  const good = idsOf.filter((_, request) => refused[request] === undefined).flat();
  if (good.length > 0) await session.query(deletion(context, good));
  return refused.map((outcome) => outcome ?? DONE);
}

function deletion(context: PartitionContext, ids: readonly ItemId[]): Statement {
  return {
    ...context.table.prepared('complete', deleteLeased),
    values: [textArray(ids), ids.length],
    read: nothing,
  };
}

/** The result is that the statement did not fail. */
function nothing(): void {}
