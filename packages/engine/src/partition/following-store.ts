import { decorateStore, PARTITION_STORE, type PartitionStore, StorageError } from '@querator/core';

/**
 * Goes on with a call that had no effect, because its partition is closed for a move.
 *
 * @param repeat sends the call to another store of the partition.
 */
export type FollowMove = (
  closed: StorageError,
  repeat: (store: PartitionStore) => Promise<unknown>,
) => Promise<unknown>;

/** Decorates a store so that its calls follow the partition when it moves to another storage. */
export function followingStore(store: PartitionStore, follow: FollowMove): PartitionStore {
  return decorateStore(PARTITION_STORE, store, (member, call) => async (...args) => {
    try {
      return await call(...args);
    } catch (error) {
      if (!(error instanceof StorageError && error.closed)) throw error;
      return follow(error, async (current) => {
        const again: unknown = current[member];
        if (typeof again !== 'function') throw error;
        return again.apply(current, args);
      });
    }
  });
}
