import type { ItemId } from '@querator/core';
import { isAmong } from '../sql/array-parameter.ts';
import { LETTER_DUE, WITHOUT_DUE, withFirstId } from '../sql/item-details.ts';
import { PREPARED_LETTER } from '../sql/item-state.ts';
import { newIds, newItemIdSql } from '../sql/new-item-id.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { textArray } from '../wire/binary-array.ts';

/**
 * The prepared letters among these. Of two callers with letters in common, one waits
 * for the other. It then finds that they are no longer prepared.
 *
 * The first step finds the letters by the index of source ids. The second locks them
 * in the order of ids. In one step, the planner would walk the whole primary key.
 */
const prepared = (table: string) => `
  SELECT id FROM ${table}
  WHERE id = ANY (ARRAY(SELECT id FROM ${table}
      WHERE ${isAmong('source_id', '$1', 'text')} AND source_id IS NOT NULL AND ${PREPARED_LETTER}))
    AND ${PREPARED_LETTER}
  ORDER BY id FOR UPDATE`;

const commitPrepared = (keepsDetails: boolean) => (table: string) =>
  `
  WITH prepared AS (${prepared(table)}),
  numbered AS MATERIALIZED (SELECT id, row_number() OVER () AS position FROM prepared),
  delivered AS (
    UPDATE ${table} AS item
    SET id = ${newItemIdSql('numbered.position', '$2', table)}, is_leased = false, lease_deadline = NULL,
      max_attempts = 0${keepsDetails ? `, enqueue_at = ${LETTER_DUE}, metadata = ${withFirstId(WITHOUT_DUE)}` : ''}
    FROM numbered WHERE item.id = numbered.id
    RETURNING item.id)
  SELECT count(*)::int AS count, max(id) AS highest FROM delivered`;

const abortPrepared = (table: string) => `
  WITH aborted AS (DELETE FROM ${table} WHERE id = ANY (ARRAY(${prepared(table)})) RETURNING 1)
  SELECT count(*)::int AS count FROM aborted`;

/** Makes prepared letters available at the tail, or scheduled. @returns their number. */
export async function commitLetters(
  context: PartitionContext,
  sourceIds: readonly ItemId[],
): Promise<number> {
  if (sourceIds.length === 0) return 0;
  const [row] = await context.db.write<{ count: number; highest: ItemId | null }>({
    ...(context.table.metadata.isThere
      ? context.table.prepared('commit_letters_details', commitPrepared(true))
      : context.table.prepared('commit_letters', commitPrepared(false))),
    values: [textArray(sourceIds), newIds(context, sourceIds.length)],
  });
  context.table.numbers.observeId(row?.highest ?? undefined);
  return row?.count ?? 0;
}

/** Removes prepared letters. @returns their number. */
export async function abortLetters(
  { db, table }: PartitionContext,
  sourceIds: readonly ItemId[],
): Promise<number> {
  if (sourceIds.length === 0) return 0;
  const [row] = await db.write<{ count: number }>({
    ...table.prepared('abort_letters', abortPrepared),
    values: [textArray(sourceIds)],
  });
  return row?.count ?? 0;
}

/** It removes nothing, but the gate of a partition that has left refuses it. */
const findPrepared = (table: string) => `
  WITH gate AS (DELETE FROM ${table} WHERE false)
  SELECT source_id AS "sourceId" FROM ${table}
  WHERE ${isAmong('source_id', '$1', 'text')} AND source_id IS NOT NULL AND ${PREPARED_LETTER}`;

/** Finds those source ids that belong to prepared letters. */
export async function findLetters(
  { db, table }: PartitionContext,
  sourceIds: readonly ItemId[],
): Promise<readonly ItemId[]> {
  if (sourceIds.length === 0) return [];
  const rows = await db.write<{ readonly sourceId: ItemId }>({
    ...table.prepared('find_letters', findPrepared),
    values: [textArray(sourceIds)],
  });
  return rows.map(({ sourceId }) => sourceId);
}
