import { StorageError, storageFailed } from '@querator/core';

/**
 * Returns the result of `call`.
 *
 * @throws QueueError `retry` in the place of a StorageError, which is its cause.
 */
export async function orRetry<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw storageFailed(error);
  }
}
