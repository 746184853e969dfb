import { createRequire } from 'node:module';

type Orm = typeof import('drizzle-orm');
type PgCore = typeof import('drizzle-orm/pg-core');

/**
 * Drizzle, loaded as CommonJS. For each ES module, Node reads the package.json of its package
 * once more, and Drizzle's has 180 kB: its hundred modules took a third of a server's start.
 */
const load = createRequire(import.meta.url);

export const { getTableName, is, SQL, sql }: Orm = load('drizzle-orm');
export const {
  bigint,
  boolean,
  customType,
  getTableConfig,
  index,
  integer,
  jsonb,
  PgDialect,
  pgSequence,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
}: PgCore = load('drizzle-orm/pg-core');
