import { customType, pgTable } from 'drizzle-orm/pg-core';
import { bytewiseText } from './column-types.ts';

const oid = customType<{ data: number }>({ dataType: () => 'oid' });

/**
 * Low-water marks, for processes that start. Not one of the versioned tables:
 * servers that know nothing of it work beside it, and it is made when the first
 * mark is worth it.
 */
export const marksTable = pgTable('querator_marks', {
  /** The name of a partition's table. */
  relation: bytewiseText('relation').primaryKey(),
  /** Its object id: a table of that name that was restored or copied is another one. */
  relationId: oid('relation_id').notNull(),
  mark: bytewiseText('mark').notNull(),
});
