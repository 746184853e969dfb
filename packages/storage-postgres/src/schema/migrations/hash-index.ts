import type { Session } from '../../database/database.ts';
import { isMd5Fault } from '../../errors/postgres-error.ts';

/**
 * Creates the index of queues' hashes, unless the server refuses md5() as in FIPS
 * mode. Queues are distinguished without it then. The session's transaction continues
 * either way.
 */
export async function createUnlessRefused(session: Session, text: string): Promise<void> {
  await session.query({ text: 'SAVEPOINT hash_index' });
  try {
    await session.query({ text });
  } catch (error) {
    if (!isMd5Fault(error)) throw error;
    await session.query({ text: 'ROLLBACK TO SAVEPOINT hash_index' });
  }
  await session.query({ text: 'RELEASE SAVEPOINT hash_index' });
}
