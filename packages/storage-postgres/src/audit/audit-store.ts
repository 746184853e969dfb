import type { AuditListRequest, AuditPage, AuditStore, Clock, Duration, NewAuditEvent } from '@querator/core';
import type { Database } from '../database/database.ts';
import type { TableCalls, TableProvisioner } from '../database/table-calls.ts';
import { AUDIT } from '../schema/tables/audit.ts';
import { nowParameter, nowSql } from '../sql/partition-table.ts';
import { durationToText } from '../wire/instant-text.ts';
import { type AuditRow, insertEvents, rowToEvent, rowToPosition } from './audit-rows.ts';
import { listEvents } from './list-events.ts';

/** Several processes may run it at once: one leaves alone the rows of another. */
const pruneFrom = (audit: string) => `
  WITH old AS (
    SELECT id FROM ${audit} WHERE at < ${nowSql('$3')} - $1::interval
    ORDER BY at, id LIMIT $2 FOR UPDATE SKIP LOCKED),
  gone AS (DELETE FROM ${audit} AS event USING old WHERE event.id = old.id RETURNING 1)
  SELECT count(*)::int AS count FROM gone`;

/** Audit events in a table of their own; see core's `AuditStore` for the contract. */
export class PostgresAuditStore implements AuditStore {
  readonly #db: Database;
  readonly #tables: TableProvisioner;
  readonly #calls: TableCalls;
  readonly #clock: Clock | undefined;

  constructor(deps: {
    readonly db: Database;
    readonly tables: TableProvisioner;
    readonly calls: TableCalls;
    readonly clock: Clock | undefined;
  }) {
    this.#db = deps.db;
    this.#tables = deps.tables;
    this.#calls = deps.calls;
    this.#clock = deps.clock;
  }

  async append(events: readonly NewAuditEvent[]): Promise<void> {
    if (events.length === 0) return;
    await this.#run((audit) => this.#db.write(insertEvents(audit, events, this.#now())));
  }

  async list(request: AuditListRequest): Promise<AuditPage> {
    const rows = await this.#run((audit) =>
      this.#db.read<AuditRow & { readonly is_last: boolean }>(listEvents(audit, request)),
    );
    const found = rows.filter(({ is_last }) => !is_last);
    const page = found.slice(0, request.limit);
    const last = found.length > page.length ? page.at(-1) : rows.find(({ is_last }) => is_last);
    return { events: page.map(rowToEvent), next: last && rowToPosition(last) };
  }

  async prune(keep: Duration, limit: number): Promise<number> {
    const [row] = await this.#run((audit) =>
      this.#db.runInBackground(() =>
        this.#db.write<{ readonly count: number }>({
          text: pruneFrom(audit),
          values: [durationToText(keep), limit, this.#now()],
        }),
      ),
    );
    return row?.count ?? 0;
  }

  #now(): string | null {
    return nowParameter({ clock: this.#clock });
  }

  #run<T>(operation: (audit: string) => Promise<T>): Promise<T> {
    return this.#calls.run(this.#tables, () => operation(this.#db.schema.relation(AUDIT)));
  }
}
