import { customType, pgTable } from '../drizzle.ts';
import { bytewiseText } from './column-types.ts';

const oid = customType<{ data: number }>({ dataType: () => 'oid' });

/**
 * Low-water marks, for processes that start. This table has no version, since servers
 * that do not know it can work beside it. It is created when the first mark is saved.
 */
export const marksTable = pgTable('querator_marks', {
  /** The name of a partition's table. */
  relation: bytewiseText('relation').primaryKey(),
  /** Its object id. A restored or copied table of the same name has another one. */
  relationId: oid('relation_id').notNull(),
  mark: bytewiseText('mark').notNull(),
});
