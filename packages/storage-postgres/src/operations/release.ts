import type { ItemId } from '@querator/core';
import { isAmong } from '../sql/array-parameter.ts';
import { LEASED_OR_MOVING, MOVING, PREPARED_LETTER } from '../sql/item-state.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { isPossibleId } from '../sql/refused-data.ts';
import { textArray } from '../wire/binary-array.ts';

const releaseItems = (table: string) => `
  WITH released AS (
    UPDATE ${table} SET is_leased = false, lease_deadline = NULL, attempts = greatest(attempts - 1, 0)
    WHERE ${isAmong('id', '$1', 'text')} AND ${LEASED_OR_MOVING} AND NOT ${MOVING} AND NOT ${PREPARED_LETTER}
    RETURNING 1)
  SELECT count(*)::int AS count FROM released`;

/** Undoes leases. @returns their number. */
export async function release(context: PartitionContext, ids: readonly ItemId[]): Promise<number> {
  if (ids.length === 0) return 0;
  const [row] = await context.db.write<{ count: number }>({
    ...context.table.prepared('release', releaseItems),
    values: [textArray(ids.filter(isPossibleId))],
  });
  return row?.count ?? 0;
}
