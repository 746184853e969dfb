import { invalid, type QueueError } from '@querator/core';
import { isDataFault, PostgresError, TOO_LARGE } from './postgres-error.ts';

/** Whether a statement failed because of what it was to store. */
export function isRefusedData(error: unknown): error is PostgresError {
  return error instanceof PostgresError && (isDataFault(error.sqlState) || error.sqlState === TOO_LARGE);
}

/**
 * The request holds something PostgreSQL cannot store, that nobody before the
 * driver has caught. The caller learns no more than that.
 */
export function refusedData(error: PostgresError): QueueError {
  return invalid(`invalid item; the storage cannot hold its content (SQLSTATE ${error.sqlState})`);
}
