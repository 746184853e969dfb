import type { Migration } from './migration.ts';
import { uniqueHashes } from './unique-hashes.ts';

/** The version of databases that were created before versions were recorded. */
export const FIRST_VERSION = 1;

/**
 * All changes since {@link FIRST_VERSION}, in order. A change of a table definition,
 * that of the items tables included, needs a migration for existing tables. Entries
 * are never changed or removed.
 */
export const MIGRATIONS: readonly Migration[] = [uniqueHashes];

/** The version of the present table definitions. */
export function newestVersion(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.version ?? FIRST_VERSION;
}
