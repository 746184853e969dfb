import {
  type Clock,
  type PartitionKey,
  type PartitionStore,
  type QueueStore,
  type Random,
  type StorageBackend,
  type StorageCapabilities,
  StorageError,
  type StorageNotice,
} from '@querator/core';
import { ItemIds } from './item-ids.ts';
import { ItemTable } from './item-table.ts';
import { MemoryPartitionStore } from './memory-partition-store.ts';
import { MemoryQueueStore } from './memory-queue-store.ts';

/** What a storage in memory can do. */
export const MEMORY_CAPABILITIES: StorageCapabilities = { durable: false, shared: false };

/** What a storage in memory is made of. */
export interface MemoryBackendOptions {
  /** The name under which queues refer to it. */
  readonly name: string;
  /** What deadlines are judged by. */
  readonly clock: Clock;
  /** Where the unguessable part of item ids comes from. */
  readonly random: Random;
}

/**
 * A storage in the memory of this process: as fast as it gets, and gone with
 * the process. Two backends never share anything, whatever their names.
 */
export function memoryBackend(options: MemoryBackendOptions): StorageBackend {
  return new MemoryBackend(options);
}

class MemoryBackend implements StorageBackend {
  readonly name: string;
  readonly capabilities = MEMORY_CAPABILITIES;
  readonly #clock: Clock;
  readonly #ids: ItemIds;
  readonly #queues: MemoryQueueStore;
  readonly #tables = new Map<string, ItemTable>();
  #closed = false;

  constructor({ name, clock, random }: MemoryBackendOptions) {
    this.name = name;
    this.#clock = clock;
    this.#ids = new ItemIds(random);
    this.#queues = new MemoryQueueStore(clock, () => this.#assertOpen());
  }

  queueStore(): QueueStore {
    return this.#queues;
  }

  partitionStore({ queue, partition }: PartitionKey): PartitionStore {
    const key = `${partition}/${queue}`;
    return new MemoryPartitionStore({
      clock: this.#clock,
      ids: this.#ids,
      table: () => this.#table(key),
      drop: () => {
        this.#assertOpen();
        this.#tables.delete(key);
      },
    });
  }

  async ping(): Promise<readonly StorageNotice[]> {
    this.#assertOpen();
    return [];
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#tables.clear();
    this.#queues.clear();
  }

  /** The items of one partition. Made when first asked for, so that a dropped partition leaves nothing behind. */
  #table(key: string): ItemTable {
    this.#assertOpen();
    let table = this.#tables.get(key);
    if (table === undefined) {
      table = new ItemTable();
      this.#tables.set(key, table);
    }
    return table;
  }

  #assertOpen(): void {
    if (this.#closed) {
      throw new StorageError(`storage '${this.name}' is closed`, { outcome: 'not-applied' });
    }
  }
}
