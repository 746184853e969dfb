import { type FencedKeys, StorageError } from '@querator/core';
import { instantFromText } from '../wire/instant-text.ts';
import { type MovingTable, withTables } from './begin-move.ts';
import { fenceOn, provideFunctions, putFence } from './gate-sql.ts';

/**
 * Puts a fence on the dedup keys of a partition; see core's `MoveStore`. The lock that a trigger needs waits for
 * all statements that write keys, so none of before runs on. The tables exist.
 */
export async function fenceKeys(moving: MovingTable, keySpread: number): Promise<FencedKeys> {
  const { db, table } = moving;
  const nameOf = (relation: string) => db.schema.relation(relation);
  await withTables(moving, async (session) => {
    const from = await fenceOn(session, table.keysName);
    if (from > keySpread) {
      const message = `storage '${db.name}': the dedup keys of ${table.relation} have a later fence than ${keySpread}`;
      throw new StorageError(message, { outcome: 'not-applied', stale: true });
    }
    if (from === keySpread) return;
    await provideFunctions(session, nameOf);
    await session.waitBriefly();
    await putFence(session, table.keysName, { from, to: keySpread }, nameOf);
  });
  const [row] = await db.read<{ readonly last: string | null }>({
    text: `SELECT max(ends_at)::text AS last FROM ${table.keysName}`,
  });
  return { lastEndsAt: row === undefined || row.last === null ? undefined : instantFromText(row.last) };
}
