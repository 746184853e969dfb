import type { ClosedPartition, MoveClaim } from '@querator/core';
import type { Database } from '../database/database.ts';
import { besideTable, objectId } from '../database/quoted-name.ts';
import { firstNumberAt } from '../sql/new-item-id.ts';
import { ITEM_ID_SEQUENCE } from '../sql/table-name.ts';
import { claimed, lockGated, type MoveContext, type MoveRow, setMove } from './move-session.ts';

/** How long calls that began before the closing may take. */
const WRITERS_MS = 500;
/** How long to wait before another look at the writers. */
const LOOK_MS = 5;

/**
 * Whoever may write to the table. A statement locks its table before it reads the gate, and a
 * session of the mover holds no such lock here. Prepared transactions have no session.
 */
const writers = (table: string) => `
  SELECT coalesce(pid::text, 'prepared') || ' ' || virtualtransaction AS writer FROM pg_locks
  WHERE locktype = 'relation' AND relation = ${objectId(table)} AND granted
    AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** Closes the source; see core's `MoveStore`. */
export async function closeSource(
  context: MoveContext,
  claim: MoveClaim,
): Promise<ClosedPartition | undefined> {
  const { db, table } = context;
  await claimed(context, claim, ['copying', 'closed'], async (session, row) => {
    await lockGated(session, context, claim);
    await setMove(session, context, { ...row, state: 'closed' });
  });
  if (!(await untilWritersEnd(db, table.name))) return undefined;
  const sequence = objectId(besideTable(table.name, ITEM_ID_SEQUENCE));
  const [row] = await db.read<{ readonly last: string | null }>({
    text: `SELECT pg_sequence_last_value(${sequence})::text AS last`,
  });
  return { lastNumber: firstNumberAt(BigInt(row?.last ?? 0) + 1n) - 1n };
}

/** The partition takes no more items; see core's `MoveStore`. @param begin puts the gate on its table. */
export async function untilNothingIsAdded(
  context: MoveContext,
  begin: () => Promise<MoveRow>,
): Promise<boolean> {
  await begin();
  return untilWritersEnd(context.db, context.table.name);
}

/** Waits until those who may have read an open gate have ended. @returns whether they have. */
async function untilWritersEnd(db: Database, table: string): Promise<boolean> {
  let waitedFor: readonly string[] | undefined;
  for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
    const rows = await db.read<{ readonly writer: string }>({ text: writers(table) });
    const now = new Set(rows.map(({ writer }) => writer));
    // Later ones find the gate closed.
    waitedFor = waitedFor?.filter((each) => now.has(each)) ?? [...now];
    if (waitedFor.length === 0) return true;
    if (waitedMs >= WRITERS_MS) return false;
    await new Promise<void>((resolve) => void db.clock.startTimer(LOOK_MS, resolve));
  }
}
