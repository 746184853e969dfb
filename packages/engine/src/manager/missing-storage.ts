import { type PartitionStore, StorageError } from '@querator/core';

/**
 * Stands in for a partition on a storage that is not configured (any more, or
 * under another name): every call fails and says so. Its partition is left out
 * as one whose storage is down, and the queue's others go on.
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
