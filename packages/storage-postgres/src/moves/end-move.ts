import type { MoveClaim } from '@querator/core';
import { type MovingTable, withTables } from './begin-move.ts';
import { dropTriggers, isGated } from './gate-sql.ts';
import { checkClaim, forgetChanges, forgetMove, lockMove } from './move-session.ts';

/** Ends the move at one end; see core's `MoveStore`. The tables of the moves exist. */
export function endMove(moving: MovingTable, claim: MoveClaim): Promise<void> {
  const { table } = moving;
  return withTables(moving, async (session) => {
    const found = await lockMove(session, moving);
    if (found === undefined || found.task !== claim.task) return;
    const { state } = await checkClaim(session, moving, claim, ['copying', 'open', 'left', 'filling']);
    // The queue may have been deleted, and a later one of its name may have a table of its own.
    if (!(await isGated(session, table.name))) return forgetMove(session, moving);
    await session.waitBriefly();
    switch (state) {
      case 'copying':
      case 'open':
        await dropTriggers(session, table.name);
        await dropTriggers(session, table.keysName);
        return forgetMove(session, moving);
      case 'left':
        await session.query({ text: `TRUNCATE ${table.name}` });
        await session.query({ text: `DROP TABLE IF EXISTS ${table.keysName}` });
        await dropTriggers(session, table.name, 'gate');
        return forgetChanges(session, moving);
      case 'filling':
        await session.query({ text: `DROP TABLE IF EXISTS ${table.name}, ${table.keysName}` });
        return forgetMove(session, moving);
      case 'closed':
        return;
    }
  });
}
