import { isQueryCanceled } from '../errors/postgres-error.ts';
import type { Database, Statement } from './database.ts';

/**
 * Runs a statement of the housekeeping. If it reaches the time limit of a request,
 * repeats it with that of an operator's statements. It starts at the head of an index,
 * where an open transaction elsewhere may keep any number of dead entries. Few
 * repetitions run at a time, so that they do not occupy the pool.
 */
export async function withLongerLimit<Row>(
  db: Database,
  kind: 'read' | 'write',
  statement: Statement,
): Promise<readonly Row[]> {
  try {
    return await db[kind]<Row>(statement);
  } catch (error) {
    if (!isQueryCanceled(error)) throw error;
    return await db.runInBackground(() => db.maintenance((session) => session.query<Row>(statement)));
  }
}
