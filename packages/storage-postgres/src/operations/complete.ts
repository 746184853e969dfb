import type { CompleteRequest, ItemId, Outcome } from '@querator/core';
import type { Session } from '../database/database.ts';
import { isAmong } from '../sql/array-parameter.ts';
import { MOVING, PREPARED_LETTER } from '../sql/item-state.ts';
import { decideLeased, failUnlessAllLeased, notAllLeased } from '../sql/leased-items.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { isPossibleId } from '../sql/refused-data.ts';
import { textArray } from '../wire/binary-array.ts';

const DONE: Outcome<void> = { ok: true, value: undefined };

/** SQL for whether a consumer holds the item. */
const IS_HELD = `is_leased AND NOT ${MOVING} AND NOT ${PREPARED_LETTER}`;

/**
 * Deletes by id alone and checks the deleted rows. With `is_leased` in the condition,
 * old statistics make this 25 times slower (ADR 3).
 */
const deleteLeased = (table: string) => `
  WITH gone AS (
    DELETE FROM ${table} WHERE ${isAmong('id', '$1', 'text')}
    RETURNING ${IS_HELD} AS leased)
  SELECT CASE WHEN count(*) FILTER (WHERE leased) = $2::int THEN 1
    ELSE ${failUnlessAllLeased('count(*) FILTER (WHERE leased)')} END
  FROM gone`;

/**
 * One item; returns a row if there is one. PostgreSQL plans the statement for lists anew
 * at each execution with a single id, which takes longer than the execution.
 */
const deleteOneLeased = (table: string) => `
  DELETE FROM ${table} WHERE id = $1::text
  RETURNING CASE WHEN ${IS_HELD} THEN 1 ELSE ${failUnlessAllLeased(`(${IS_HELD})::int`)} END`;

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
      if (await deleteAll((statement) => context.db.write(statement), context, ids)) {
        return requests.map(() => DONE);
      }
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
  if (good.length > 0) await deleteAll((statement) => session.query(statement), context, good);
  return refused.map((outcome) => outcome ?? DONE);
}

/**
 * Deletes leased items, all or none.
 *
 * @returns whether they were deleted.
 * @throws PostgresError {@link notAllLeased} if they were not, because one is not leased.
 */
async function deleteAll(
  send: Session['query'],
  { table }: PartitionContext,
  ids: readonly ItemId[],
): Promise<boolean> {
  const [id] = ids;
  const deletion =
    ids.length === 1
      ? { ...table.prepared('complete_one', deleteOneLeased), values: [id] }
      : { ...table.prepared('complete', deleteLeased), values: [textArray(ids), ids.length] };
  const rows = await send({ ...deletion, read: nothing });
  return rows.length > 0;
}

/** The result is whether there is a row. */
function nothing(): void {}
