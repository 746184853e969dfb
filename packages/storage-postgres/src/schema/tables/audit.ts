import { getTableName, index, pgTable, text } from '../drizzle.ts';
import { bytewiseText, timestamptz } from './column-types.ts';

/**
 * The audit events; see core's `AuditEvent`. This table has no version, since servers
 * that do not know it can work beside it. It is created at the first use of the audit
 * store, or at the first change with an event.
 *
 * Every text is ASCII, with the escapes of JSON, so that a database of any encoding
 * holds every text of a caller.
 */
export const auditTable = pgTable(
  'querator_audit',
  {
    /** The id of the call, and which of its events this is. */
    id: bytewiseText('id').primaryKey(),
    at: timestamptz('at').notNull(),
    namespace: bytewiseText('namespace').notNull(),
    userId: bytewiseText('user_id').notNull(),
    username: bytewiseText('username').notNull(),
    action: bytewiseText('action').notNull(),
    /** The other fields, as JSON. */
    details: text('details').notNull(),
  },
  (event) => [
    index('querator_audit_time').on(event.at, event.id),
    index('querator_audit_namespace').on(event.namespace, event.at, event.id),
  ],
);

/** The name of the table of audit events. */
export const AUDIT = getTableName(auditTable);
