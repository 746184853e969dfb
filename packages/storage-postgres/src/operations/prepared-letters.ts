import type { ItemId } from '@querator/core';
import { textArray } from '../binary-array.ts';
import { HELD_LETTER } from '../item-state.ts';
import { newIds, newItemIdSql } from '../new-item-id.ts';
import type { PartitionContext } from '../partition-table.ts';

/**
 * The held ones among letters. Two callers with
 * letters in common wait for each other, and the second finds that they are
 * held no longer.
 *
 * They are found by the index of source ids, and only then locked in the order
 * of ids: asked for both at once, the planner walks the whole primary key.
 */
const held = (table: string) => `
  SELECT id FROM ${table}
  WHERE id = ANY (ARRAY(SELECT id FROM ${table}
      WHERE source_id = ANY ($1::text[]) AND source_id IS NOT NULL AND ${HELD_LETTER}))
    AND ${HELD_LETTER}
  ORDER BY id FOR UPDATE`;

const deliverHeld = (table: string) => `
  WITH held AS (${held(table)}),
  numbered AS MATERIALIZED (SELECT id, row_number() OVER () AS position FROM held),
  delivered AS (
    UPDATE ${table} AS item
    SET id = ${newItemIdSql('numbered.position', '$2', table)}, is_leased = false, lease_deadline = NULL,
      max_attempts = 0
    FROM numbered WHERE item.id = numbered.id
    RETURNING item.id)
  SELECT count(*)::int AS count, max(id) AS highest FROM delivered`;

const withdrawHeld = (table: string) => `
  WITH withdrawn AS (DELETE FROM ${table} WHERE id = ANY (ARRAY(${held(table)})) RETURNING 1)
  SELECT count(*)::int AS count FROM withdrawn`;

/** Makes held letters available at the tail. @returns how many. */
export async function deliverLetters(
  context: PartitionContext,
  sourceIds: readonly ItemId[],
): Promise<number> {
  if (sourceIds.length === 0) return 0;
  const [row] = await context.db.write<{ count: number; highest: ItemId | null }>({
    ...context.table.prepared('deliver_letters', deliverHeld),
    values: [textArray(sourceIds), newIds(context, sourceIds.length)],
  });
  context.table.numbers.sawId(row?.highest ?? undefined);
  return row?.count ?? 0;
}

/** Removes held letters. @returns how many. */
export async function withdrawLetters(
  { db, table }: PartitionContext,
  sourceIds: readonly ItemId[],
): Promise<number> {
  if (sourceIds.length === 0) return 0;
  const [row] = await db.write<{ count: number }>({
    ...table.prepared('withdraw_letters', withdrawHeld),
    values: [textArray(sourceIds)],
  });
  return row?.count ?? 0;
}
