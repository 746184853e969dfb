import { StorageError, type StorageNotice } from '@querator/core';
import type { Database } from '../database.ts';
import type { HorizonHolders } from './horizon-holders.ts';

const STATE =
  'SELECT pg_is_in_recovery() OR current_setting(\'transaction_read_only\')::boolean AS "readOnly"';

/** What a ping works with. */
export interface PingContext {
  readonly db: Database;
  /** Its name, for errors. */
  readonly storage: string;
  readonly holders: HorizonHolders;
}

/** Finds out whether the database can serve, and who makes its tables grow. */
export async function ping({ db, storage, holders }: PingContext): Promise<readonly StorageNotice[]> {
  const [state] = await db.read<{ readonly readOnly: boolean }>({ text: STATE });
  if (state?.readOnly === true) {
    const reason = `storage '${storage}': the server takes no writes; it is a standby, or read-only`;
    throw new StorageError(reason, { outcome: 'not-applied' });
  }
  return holders.look();
}
