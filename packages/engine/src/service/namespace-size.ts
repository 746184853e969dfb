import type { PartitionKey, PartitionSize, Queue, StorageBackend } from '@querator/core';
import type { PartitionStorage } from '../manager/placements.ts';
import type { QueueManager } from '../manager/queue-manager.ts';

/** The queues of a namespace, and their partitions. */
export interface NamespaceQueues {
  readonly queues: number;
  readonly partitions: number;
}

/** Queues that are read and measured at a time. */
const QUEUES_AT_ONCE = 250;

/** Reads what namespaces hold from storage, whether their queues are active or not. */
export class NamespaceSizes {
  readonly #manager: QueueManager;
  readonly #storages: ReadonlyMap<string, StorageBackend>;

  constructor(manager: QueueManager, storages: readonly PartitionStorage[]) {
    this.#manager = manager;
    this.#storages = new Map(storages.map(({ backend }) => [backend.name, backend]));
  }

  /** Counts the queues of a namespace and their partitions. @throws StorageError */
  async queues(namespace: string): Promise<NamespaceQueues> {
    let [queues, partitions] = [0, 0];
    for await (const page of this.#pages(namespace)) {
      queues += page.length;
      for (const queue of page) partitions += queue.partitions.length;
    }
    return { queues, partitions };
  }

  /**
   * What the queues of a namespace hold. Large partitions are estimated, and those on
   * storages that are not configured left out.
   *
   * @throws StorageError
   */
  async items(namespace: string): Promise<PartitionSize> {
    const sum = { items: 0, bytes: 0 };
    for await (const page of this.#pages(namespace)) {
      for (const [storageName, keys] of partitionsOf(page)) {
        const sizes = (await this.#storages.get(storageName)?.measure(keys)) ?? [];
        for (const { items, bytes } of sizes) {
          sum.items += items;
          sum.bytes += bytes;
        }
      }
    }
    return sum;
  }

  async *#pages(namespace: string): AsyncGenerator<readonly Queue[]> {
    for (let pivot = ''; ; ) {
      const page = await this.#manager.list({ namespace, pivot, limit: QUEUES_AT_ONCE });
      // Pages repeat the pivot.
      yield page[0]?.name === pivot ? page.slice(1) : page;
      const last = page.at(-1)?.name;
      if (page.length < QUEUES_AT_ONCE || last === undefined) return;
      pivot = last;
    }
  }
}

/** The partitions of queues by the name of their storage. */
function partitionsOf(queues: readonly Queue[]): ReadonlyMap<string, readonly PartitionKey[]> {
  const keys = new Map<string, PartitionKey[]>();
  for (const { name: queue, partitions } of queues) {
    for (const { partition, storageName } of partitions) {
      const onStorage = keys.get(storageName);
      if (onStorage === undefined) keys.set(storageName, [{ queue, partition }]);
      else onStorage.push({ queue, partition });
    }
  }
  return keys;
}
