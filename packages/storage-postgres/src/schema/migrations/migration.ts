import type { Session } from '../../database/database.ts';
import type { NameRelation } from '../tables/render-ddl.ts';

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
