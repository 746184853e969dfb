import { decorateStore, PARTITION_STORE, type PartitionStore, StorageError } from '@querator/core';

/** The calls that add items. */
const ADDING: ReadonlySet<string> = new Set<keyof PartitionStore>([
  'produce',
  'produceAndLease',
  'produceKeyed',
  'produceKeyedAndLease',
  'produceFromOutbox',
  'import',
  'importKeyed',
  'prepareLetters',
]);

/**
 * Goes on with a call that had no effect, because its partition is closed for a move.
 *
 * @param repeat sends the call to another store of the partition.
 * @param adds whether the call adds items to the partition.
 */
export type FollowMove = (
  closed: StorageError,
  repeat: (store: PartitionStore) => Promise<unknown>,
  adds: boolean,
) => Promise<unknown>;

/** Decorates a store so that its calls follow the partition when it moves to another storage. */
export function followingStore(store: PartitionStore, follow: FollowMove): PartitionStore {
  return decorateStore(PARTITION_STORE, store, (member, call) => async (...args) => {
    try {
      return await call(...args);
    } catch (error) {
      if (!(error instanceof StorageError && error.closed)) throw error;
      const repeat = async (current: PartitionStore) => {
        const again: unknown = current[member];
        if (typeof again !== 'function') throw error;
        return again.apply(current, args);
      };
      return follow(error, repeat, ADDING.has(member));
    }
  });
}
