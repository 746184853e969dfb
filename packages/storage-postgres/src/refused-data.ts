import { invalid, type QueueError } from '@querator/core';
import type { PostgresError } from './postgres-error.ts';

/**
 * The request holds something PostgreSQL cannot store, that nobody before the
 * driver has caught. The caller learns no more than that.
 */
export function refusedData(error: PostgresError): QueueError {
  return invalid(`invalid item; the storage cannot hold its content (SQLSTATE ${error.sqlState})`);
}
