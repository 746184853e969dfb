import type { SeenItem } from '@querator/core';
import { LEASED_OR_MOVING, MOVING, PREPARED_LETTER } from '../sql/item-state.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { isPossibleId } from '../sql/refused-data.ts';
import { textArray } from '../wire/binary-array.ts';

/** Written so that no index matches: rows are found by their ids. */
const IN_STATE: Readonly<Record<SeenItem['state'], string>> = {
  waiting: `enqueue_at IS NULL AND NOT ${LEASED_OR_MOVING}`,
  leased: `enqueue_at IS NULL AND ${LEASED_OR_MOVING} AND NOT ${MOVING} AND NOT ${PREPARED_LETTER}`,
  scheduled: 'enqueue_at IS NOT NULL',
};
const CASES = Object.entries(IN_STATE).map(([state, condition]) => `WHEN '${state}' THEN ${condition}`);

const deleteItems = (table: string) => `
  WITH gone AS (
    DELETE FROM ${table} AS item
    USING unnest($1::text[], $2::text[], $3::int[]) AS seen (seen_id, seen_state, seen_attempts)
    WHERE id = seen_id AND attempts = seen_attempts AND CASE seen_state ${CASES.join(' ')} END
    RETURNING 1)
  SELECT count(*)::int AS count FROM gone`;

/** Removes items that have not changed. @returns their number. */
export async function deleteSeen(
  { db, table }: PartitionContext,
  items: readonly SeenItem[],
): Promise<number> {
  const seen = items.filter(({ id }) => isPossibleId(id));
  if (seen.length === 0) return 0;
  const [row] = await db.write<{ count: number }>({
    ...table.prepared('delete_seen', deleteItems),
    values: [
      textArray(seen.map(({ id }) => id)),
      textArray(seen.map(({ state }) => state)),
      seen.map(({ attempts }) => attempts),
    ],
  });
  return row?.count ?? 0;
}
