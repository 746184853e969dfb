import type { ClearRequest } from '@querator/core';
import type { PartitionContext } from '../partition-table.ts';

const clearItems = (table: string) => `
  WITH gone AS (
    DELETE FROM ${table} WHERE CASE
      WHEN enqueue_at IS NOT NULL THEN $3::boolean
      WHEN is_leased THEN $2::boolean
      ELSE $1::boolean END
    RETURNING 1)
  SELECT count(*)::int AS count FROM gone`;

/** Removes all items in the given states. @returns how many. */
export async function clear({ db, table }: PartitionContext, request: ClearRequest): Promise<number> {
  const { waiting, leased, scheduled } = request;
  const [row] = await db.maintenance((session) =>
    session.query<{ count: number }>({ text: clearItems(table.name), values: [waiting, leased, scheduled] }),
  );
  return row?.count ?? 0;
}
