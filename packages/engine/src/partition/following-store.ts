import {
  decorateStore,
  type KeyedProduceOptions,
  PARTITION_STORE,
  type PartitionStore,
  StorageError,
} from '@querator/core';

/** The calls that add items. */
const ADDING: ReadonlySet<string> = new Set<keyof PartitionStore>([
  'produce',
  'produceAndLease',
  'produceKeyed',
  'produceKeyedAndLease',
  'produceFromOutbox',
  'import',
  'importKeyed',
  'storeKeys',
  'prepareLetters',
]);

/** A call that found its partition closed. */
export interface ClosedCall {
  /** Whether it adds items to the partition. */
  readonly adds: boolean;
  /** The `keySpread` by which its partition was chosen. Undefined: not by dedup keys. */
  readonly keySpread: number | undefined;
}

/**
 * Goes on with a call that had no effect, because its partition is closed for a move.
 *
 * @param repeat sends the call to another store of the partition.
 */
export type FollowMove = (
  closed: StorageError,
  repeat: (store: PartitionStore) => Promise<unknown>,
  call: ClosedCall,
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
      return follow(error, repeat, closedCall(member, args));
    }
  });
}

/** The calls that store items under dedup keys. Their second argument has the `keySpread`. */
const KEYED: ReadonlySet<string> = new Set<keyof PartitionStore>([
  'produceKeyed',
  'produceKeyedAndLease',
  'storeKeys',
]);

function closedCall(member: string, args: readonly unknown[]): ClosedCall {
  if (!KEYED.has(member)) return { adds: ADDING.has(member), keySpread: undefined };
  const { newKeys, keySpread = 0 } = args[1] as Partial<KeyedProduceOptions>;
  return newKeys === 'find' ? { adds: false, keySpread: undefined } : { adds: true, keySpread };
}
