import { bigint, index, integer, pgTable, sql, text, uniqueIndex } from '../drizzle.ts';
import { bytewiseText, timestamptz } from './column-types.ts';

/**
 * The tasks; see core's `Task`. This table has no version, since servers that do not
 * know it can work beside it. It is created with the first task.
 *
 * Every text is ASCII, with the escapes of JSON. What no statement compares or
 * changes is JSON: later versions add to it without changing the table.
 */
export const tasksTable = pgTable(
  'querator_tasks',
  {
    id: bytewiseText('id').primaryKey(),
    kind: bytewiseText('kind').notNull(),
    version: integer('version').notNull(),
    queue: bytewiseText('queue').notNull(),
    namespace: bytewiseText('namespace').notNull(),
    exclusive: bytewiseText('exclusive'),
    state: bytewiseText('state').notNull(),
    /** What never changes, as JSON. */
    about: text('about').notNull(),
    matched: bigint('matched', { mode: 'number' }).notNull(),
    done: bigint('done', { mode: 'number' }).notNull(),
    failed: bigint('failed', { mode: 'number' }).notNull(),
    faults: integer('faults').notNull(),
    error: text('error'),
    /** As JSON. */
    checkpoint: text('checkpoint'),
    createdAt: timestamptz('created_at').notNull(),
    startedAt: timestamptz('started_at'),
    endedAt: timestamptz('ended_at'),
    cancelRequestedAt: timestamptz('cancel_requested_at'),
    resumeAt: timestamptz('resume_at').notNull(),
    /** Since when it waits for a claim. */
    waitsSince: timestamptz('waits_since').notNull(),
    owner: bytewiseText('owner'),
    generation: integer('generation').notNull(),
    claimedUntil: timestamptz('claimed_until'),
  },
  (task) => [
    index('querator_tasks_running').on(task.waitsSince).where(sql`state = 'running'`),
    uniqueIndex('querator_tasks_exclusive').on(task.exclusive).where(sql`state = 'running'`),
    index('querator_tasks_time').on(task.createdAt, task.id),
    index('querator_tasks_ended').on(task.endedAt).where(sql`ended_at IS NOT NULL`),
  ],
);
