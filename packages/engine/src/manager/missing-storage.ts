import { type PartitionStore, StorageError } from '@querator/core';

/**
 * The store of a partition whose storage is not configured, or not under this
 * name. Every call fails with that cause. The partition stays out of service, and
 * the other partitions of the queue work on.
 */
export function missingStorage(storageName: string): PartitionStore {
  const fail = (): Promise<never> =>
    Promise.reject(
      new StorageError(`storage '${storageName}' is not configured`, { outcome: 'not-applied' }),
    );
  return {
    produce: fail,
    lease: fail,
    release: fail,
    complete: fail,
    retry: fail,
    list: fail,
    stats: fail,
    probe: fail,
    import: fail,
    delete: fail,
    clear: fail,
    sweep: fail,
    markMoved: fail,
    remove: fail,
    prepareLetters: fail,
    commitLetters: fail,
    abortLetters: fail,
    drop: fail,
  };
}
