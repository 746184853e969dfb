import type { MoveClaim } from '@querator/core';
import { holdsRows } from '../schema/left-over-table.ts';
import { type MovingTable, withTables } from './begin-move.ts';
import { dropTriggers, isGated } from './gate-sql.ts';
import { checkClaim, forgetChanges, forgetMove, lockMove } from './move-session.ts';

/** Ends the move at one end; see core's `MoveStore`. The tables of the moves exist. */
export function endMove(moving: MovingTable, claim: MoveClaim): Promise<void> {
  const { table } = moving;
  return withTables(moving, async (session) => {
    const found = await lockMove(session, moving);
    if (found === undefined || found.task !== claim.task) return;
    const { state } = await checkClaim(session, moving, claim, [
      'copying',
      'leaving',
      'open',
      'left',
      'filling',
    ]);
    // The queue may have been deleted, and a later one of its name may have a table of its own.
    if (!(await isGated(session, table.name))) return forgetMove(session, moving);
    await session.waitBriefly();
    switch (state) {
      case 'copying':
      case 'leaving':
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

/** Removes the mark of a partition that has left; see core's `MoveStore`. The tables of the moves exist. */
export function readmit(moving: MovingTable): Promise<void> {
  const { table } = moving;
  return withTables(moving, async (session) => {
    const found = await lockMove(session, moving);
    if (found?.state !== 'left') return;
    if (await isGated(session, table.name)) {
      await session.waitBriefly();
      await dropTriggers(session, table.name);
      // The end of the move has emptied it, unless its process died before.
      if (await holdsRows(session, table.name)) await session.query({ text: `TRUNCATE ${table.name}` });
    }
    await forgetMove(session, moving);
  });
}
