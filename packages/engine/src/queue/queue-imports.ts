import {
  errorText,
  type ImportedItem,
  invalid,
  type KeyedImport,
  type Queue,
  type QueueError,
  type StoredItem,
} from '@querator/core';
import type { QueueHooks } from '../partition/queue-hooks.ts';
import type { ActivePartition } from './active-partition.ts';

export interface QueueImportsDeps {
  readonly queue: () => Queue;
  /** Throws QueueError `invalid` when there is no such partition. */
  readonly partition: (number: number) => ActivePartition;
  readonly stored: QueueHooks['stored'];
  /** Runs a storage call that the stop of the queue waits for. Throws QueueError `failed` once the queue stops. */
  readonly call: <T>(call: () => Promise<T>) => Promise<T>;
}

/** The stored items of an import in its order, undefined for those left out. */
type Imported = readonly (StoredItem | undefined)[];

/** Imports items into the partitions of a queue. */
export class QueueImports {
  readonly #deps: QueueImportsDeps;

  constructor(deps: QueueImportsDeps) {
    this.#deps = deps;
  }

  /** Adds items as they are. Leaves out items whose source id exists already. */
  add(partition: number, items: readonly ImportedItem[]): Promise<Imported> {
    const { expireTimeout } = this.#deps.queue();
    return this.#run(partition, ({ state }) => state.store.import(items, expireTimeout));
  }

  /**
   * Adds items under dedup keys of the partition. Leaves out the items of keys that it
   * holds, and those whose source id exists already.
   *
   * @throws QueueError `invalid` if the storage has no dedup keys, `over_limit` if it may
   *   hold no more.
   */
  addKeyed(partition: number, request: Omit<KeyedImport, 'expireTimeout'>): Promise<Imported> {
    const { expireTimeout } = this.#deps.queue();
    return this.#run(partition, ({ keys }) => keys.import({ ...request, expireTimeout }));
  }

  #run(number: number, work: (partition: ActivePartition) => Promise<Imported>): Promise<Imported> {
    const { call, partition, stored } = this.#deps;
    return call(async () => {
      const active = partition(number);
      if (active.state.leaves) throw leaving(number);
      const items = await work(active);
      const waiting = items.filter(
        (item) => item !== undefined && !item.isLeased && item.enqueueAt === undefined,
      );
      stored(active.state, { waiting: waiting.length });
      // Imported items bring their own deadlines. The sweep finds the earliest.
      void active.sweeper.sweep();
      return items;
    });
  }
}

function leaving(number: number): QueueError {
  const text = errorText`partition is invalid; the queue is to lose partition '${number}', which takes no more items`;
  return invalid(text, 'no_such_partition');
}
