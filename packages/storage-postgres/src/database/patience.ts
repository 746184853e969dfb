import { isQueryCanceled } from '../errors/postgres-error.ts';
import type { Database, Statement } from './database.ts';

/**
 * Runs a statement of the housekeeping, which starts at the front of an index:
 * before its first entry may lie those of everything that a transaction held
 * open elsewhere keeps. One that runs into a request's time limit is sent
 * once more with the limit of an operator's statements. Few of those
 * run at a time, or they would have the connections among them.
 */
export async function patiently<Row>(
  db: Database,
  kind: 'read' | 'write',
  statement: Statement,
): Promise<readonly Row[]> {
  try {
    return await db[kind]<Row>(statement);
  } catch (error) {
    if (!isQueryCanceled(error)) throw error;
    return await db.withPatience(() => db.maintenance((session) => session.query<Row>(statement)));
  }
}
