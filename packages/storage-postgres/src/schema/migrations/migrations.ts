import type { Session } from '../../database/database.ts';
import type { NameRelation } from '../tables/render-ddl.ts';
import { uniqueHashes } from './unique-hashes.ts';

/** Brings the tables from one version to the next. */
export interface Migration {
  /** The version it leads to, one more than that of the migration before it. */
  readonly version: number;
  /**
   * Runs in one transaction with all other migrations that are due, under the
   * lock of the schema, so it may not commit or use what cannot be rolled back.
   * Servers of the version before may be running meanwhile.
   *
   * @param nameOf tables have to be named with their schema.
   */
  migrate(session: Session, nameOf: NameRelation): Promise<void>;
}

/** The version of databases that were made before versions were written down. */
export const FIRST_VERSION = 1;

/**
 * What has changed since {@link FIRST_VERSION}, in order. Who changes a table
 * definition in this folder, that of the items tables included, adds the step
 * that changes the tables that are there. Entries are never changed or removed.
 */
export const MIGRATIONS: readonly Migration[] = [uniqueHashes];

/** The version that the definitions in this folder describe. */
export function newestVersion(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.version ?? FIRST_VERSION;
}
