import type { Clock } from '@querator/core';
import type { Database } from '../database/database.ts';
import type { TableCalls } from '../database/table-calls.ts';
import type { SchemaManager } from './schema-manager.ts';

/** What a store needs whose records are in a table of their own. */
export interface StoreParts {
  readonly db: Database;
  readonly schema: SchemaManager;
  readonly calls: TableCalls;
  /** Replaces the database's clock, for tests. */
  readonly clock: Clock | undefined;
}
