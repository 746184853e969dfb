import { type Instant, type Logger, UNSET_INSTANT } from '@querator/core';
import type { LockingSession } from '../database/brief-locks.ts';
import type { Session } from '../database/database.ts';
import { instantToText } from '../wire/instant-text.ts';
import type { TableOwner } from './table-owner.ts';

/**
 * Removes a table that its queue left behind. Keeps a table with rows, unless the
 * queue was deleted. Call it under the lock of the schema.
 *
 * @param wasDeleted whether there is proof of that.
 * @returns whether it was removed.
 */
export async function removeLeftOver(
  session: LockingSession,
  table: string,
  wasDeleted: boolean,
): Promise<boolean> {
  // First checked without the lock, so that each check does not block a server that uses the table.
  if (!wasDeleted && (await holdsRows(session, table))) return false;
  await session.waitBriefly();
  await session.query({ text: `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE` });
  if (!wasDeleted && (await holdsRows(session, table))) return false;
  await session.query({ text: `DROP TABLE ${table}` });
  return true;
}

/** Whether a table belongs to the queue that was created at that time. */
export function isSameQueue(holder: TableOwner | undefined, created: Instant | undefined): boolean {
  return created !== undefined && holder?.created === created;
}

/** The error for a table with items of an earlier queue, if there is no proof that it was deleted. */
export function itemsOfEarlierQueue(
  table: string,
  holder: TableOwner | undefined,
  present: TableOwner,
): string {
  return (
    `table ${table} holds items of an earlier queue '${holder?.queue}' (created ${written(holder?.created)}), ` +
    `which was not deleted by this server, and not of the present one (created ${written(present.created)}); ` +
    `'querator storage adopt ${table}' gives them to the present queue, ` +
    `'querator storage drop ${table} --force' deletes them`
  );
}

/**
 * Logs the removal. If the queue was not deleted, another server may still use it, and
 * has just lost its empty table.
 */
export function logRemoved(
  logger: Logger,
  where: { readonly storage: string; readonly table: string },
  { holder, deleted }: { readonly holder: TableOwner | undefined; readonly deleted: Instant | undefined },
): void {
  const fields = { ...where, queue: holder?.queue, created: written(holder?.created) };
  if (isSameQueue(holder, deleted)) {
    logger.info('removed the table of a deleted queue of that name', fields);
  } else {
    logger.warn('replaced the empty table of another queue of that name', fields);
  }
}

/** Whether a table holds any item. */
export async function holdsRows(session: Session, table: string): Promise<boolean> {
  const [row] = await session.query<{ holds: boolean }>({
    text: `SELECT EXISTS (SELECT FROM ${table}) AS holds`,
  });
  return row?.holds === true;
}

function written(created: Instant | undefined): string {
  return instantToText(created ?? UNSET_INSTANT).replace('+00', 'Z');
}
