import { integer, pgTable } from 'drizzle-orm/pg-core';
import { timestamptz } from './column-types.ts';

/**
 * The versions that the tables of this schema have gone through, one row each;
 * the highest is the present one. Kept rather than overwritten: it tells an
 * operator when which version came.
 */
export const schemaVersionTable = pgTable('querator_schema', {
  version: integer('version').primaryKey(),
  appliedAt: timestamptz('applied_at').notNull(),
});
