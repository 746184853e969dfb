import type { AuditListRequest, AuditPage, AuditStore, Duration, NewAuditEvent } from '@querator/core';
import type { Database } from '../database/database.ts';

/** The audit events of a file. The other stores add those of their changes in the same transactions. */
export class SqliteAuditStore implements AuditStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  append(events: readonly NewAuditEvent[]): Promise<void> {
    return this.#database.call('addEvents', { events });
  }

  list(request: AuditListRequest): Promise<AuditPage> {
    return this.#database.read('listEvents', request);
  }

  prune(keep: Duration, limit: number): Promise<number> {
    return this.#database.call('pruneEvents', { keep, limit });
  }
}
