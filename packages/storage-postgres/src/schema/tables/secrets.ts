import { pgTable, text } from '../drizzle.ts';
import { bytewiseText } from './column-types.ts';

/**
 * Secrets that all processes on the database share, by name. This table has no version,
 * since servers that do not know it can work beside it. It is created at its first use.
 */
export const secretsTable = pgTable('querator_secrets', {
  name: bytewiseText('name').primaryKey(),
  value: text('value').notNull(),
});
