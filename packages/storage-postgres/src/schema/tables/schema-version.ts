import { integer, pgTable } from '../drizzle.ts';
import { timestamptz } from './column-types.ts';

/**
 * The versions that the tables of this schema have had, one row each. The highest is
 * the present one. Old rows are kept to show an operator when each version was
 * installed.
 */
export const schemaVersionTable = pgTable('querator_schema', {
  version: integer('version').primaryKey(),
  appliedAt: timestamptz('applied_at').notNull(),
});
