import type { Session } from '../../database/database.ts';
import type { NameRelation } from '../tables/render-ddl.ts';

/** Migrates the tables from one version to the next. */
export interface Migration {
  /** The new version, one more than that of the previous migration. */
  readonly version: number;
  /**
   * Runs in one transaction with all other migrations that are due, under the lock of
   * the schema. So it may not commit, or use statements that cannot be rolled back.
   * Servers of the previous version may be running.
   *
   * @param nameOf names a table with its schema.
   */
  migrate(session: Session, nameOf: NameRelation): Promise<void>;
}
