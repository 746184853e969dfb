import type { ItemId } from '@querator/core';
import { IS_TAKEN } from '../sql/item-details.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { isPossibleId } from '../sql/refused-data.ts';
import { textArray } from '../wire/binary-array.ts';

/**
 * A row that a sweep changes at the same time has another id once the sweep has committed,
 * and is not found. A task takes an item with its row locked, and it is not found either.
 */
const makeItemsDue = (hasDetails: boolean) => (table: string) =>
  `
  WITH named AS (
    SELECT id FROM ${table}
    WHERE id = ANY ($2::text[]) AND CASE WHEN enqueue_at > ${nowSql('$1')} THEN ${hasDetails ? `NOT ${IS_TAKEN}` : 'true'} ELSE false END
    ORDER BY id FOR UPDATE),
  made AS (
    UPDATE ${table} AS item SET enqueue_at = ${nowSql('$1')} FROM named WHERE item.id = named.id RETURNING 1)
  SELECT count(*)::int AS count FROM made`;

/** Makes scheduled items due now. @returns their number. */
export async function makeDue(context: PartitionContext, ids: readonly ItemId[]): Promise<number> {
  const { db, table } = context;
  const possible = ids.filter(isPossibleId);
  if (possible.length === 0) return 0;
  const hasDetails = table.metadata.isThere;
  const [row] = await db.write<{ count: number }>({
    text: makeItemsDue(hasDetails)(table.name),
    values: [nowParameter(context), textArray(possible)],
  });
  return row?.count ?? 0;
}
