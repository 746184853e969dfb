import { bigint, index, pgTable, sql, text, uniqueIndex } from '../drizzle.ts';
import { bytewiseText, timestamptz } from './column-types.ts';

/** The name of {@link schedulesTable}. */
export const SCHEDULES = 'querator_schedules';

/**
 * The schedules; see core's `ScheduleStore`. This table has no version, since servers
 * that do not know it can work beside it. It is created with the first schedule.
 *
 * Texts are ASCII, with the escapes of JSON, except the queue's name, which is compared
 * with that of the table of queues.
 */
export const schedulesTable = pgTable(
  SCHEDULES,
  {
    id: bytewiseText('id').primaryKey(),
    namespace: bytewiseText('namespace').notNull(),
    name: bytewiseText('name').notNull(),
    queueName: bytewiseText('queue_name').notNull(),
    queueCreatedAt: timestamptz('queue_created_at').notNull(),
    /** When a process may claim it: its due time, a retry, or the end of a claim. NULL: never. */
    lookAt: timestamptz('look_at'),
    /** Fences claims: each one, and each update, raises it. */
    claim: bigint('claim', { mode: 'number' }).notNull(),
    /** Since when nobody knows whether the item of the due time was stored. */
    attemptedAt: timestamptz('attempted_at'),
    /** What an operator sets, with the item, as JSON. A firing leaves it as it is. */
    settings: text('settings').notNull(),
    /** What each firing changes, as JSON. */
    state: text('state').notNull(),
    createdAt: timestamptz('created_at').notNull(),
    updatedAt: timestamptz('updated_at').notNull(),
  },
  (schedule) => [
    uniqueIndex('querator_schedules_name').on(schedule.namespace, schedule.name),
    index('querator_schedules_due').on(schedule.lookAt).where(sql`look_at IS NOT NULL`),
  ],
);
