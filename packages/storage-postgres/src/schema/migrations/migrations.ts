import type { Migration } from './migration.ts';
import { uniqueHashes } from './unique-hashes.ts';

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
