import { index, pgTable, uniqueIndex } from '../drizzle.ts';
import { bytewiseText, timestamptz } from './column-types.ts';

/**
 * Records of deleted queues. This table has no version, since servers that do not know
 * it can work beside it. It is created at the first deletion.
 */
export const deletedQueuesTable = pgTable(
  'querator_deleted_queues',
  {
    name: bytewiseText('name').notNull(),
    /** When the queue was created. */
    createdAt: timestamptz('created_at').notNull(),
    /** Since when nothing of the queue is left. */
    doneAt: timestamptz('done_at'),
  },
  (record) => [
    uniqueIndex('querator_deleted_queues_queue').on(record.name, record.createdAt),
    index('querator_deleted_queues_done').on(record.doneAt),
  ],
);
