import type {
  Clock,
  Instant,
  PartitionKey,
  PartitionOwner,
  PartitionSize,
  PartitionStore,
  QueueStore,
  Random,
  StorageBackend,
  StorageCapabilities,
  StorageNotice,
} from '@querator/core';
import { Database } from './database/database.ts';
import { FileRegistry } from './database/file-registry.ts';
import type { SqliteConfig } from './settings/config.ts';
import { OwnedCalls } from './stores/owned-calls.ts';
import { SqlitePartitionStore } from './stores/partition-store.ts';
import { SqliteQueueStore } from './stores/queue-store.ts';

/** What a storage on SQLite can do. */
export const SQLITE_CAPABILITIES: StorageCapabilities = {
  durable: true,
  shared: false,
  dedup: true,
  metadata: true,
  pause: true,
  find: true,
};

/** Options of a storage in a SQLite file. */
export interface SqliteBackendOptions extends SqliteConfig {
  /** The name under which queues refer to it. */
  readonly name: string;
  /** The clock that judges deadlines. */
  readonly clock: Clock;
  /** The source of the random part of item ids. */
  readonly random: Random;
  /** The files of the program. Storages of one file need the same. Undefined: one of its own. */
  readonly registry?: FileRegistry | undefined;
}

/**
 * A durable storage in one SQLite file, for one process. A thread of its own has the file,
 * so the event loop never waits for the disk.
 */
export function sqliteBackend(options: SqliteBackendOptions): StorageBackend {
  return new SqliteBackend(options);
}

class SqliteBackend implements StorageBackend {
  readonly name: string;
  readonly capabilities = SQLITE_CAPABILITIES;
  readonly #clock: Clock;
  readonly #database: Database;
  readonly #queues: SqliteQueueStore;

  constructor(options: SqliteBackendOptions) {
    const { name, clock, durability = 'full', registry = new FileRegistry() } = options;
    this.name = name;
    this.#clock = clock;
    this.#database = new Database({ ...options, durability, registry });
    this.#queues = new SqliteQueueStore(this.#database);
  }

  queueStore(): QueueStore {
    return this.#queues;
  }

  partitionStore(key: PartitionKey, owner?: PartitionOwner): PartitionStore {
    const calls = new OwnedCalls({ name: this.name, database: this.#database, key, owner });
    return new SqlitePartitionStore(calls);
  }

  async ping(): Promise<readonly StorageNotice[]> {
    await this.#database.ping();
    return [];
  }

  measure(keys: readonly PartitionKey[]): Promise<readonly PartitionSize[]> {
    const plain = keys.map(({ queue, partition }) => ({ key: { queue, partition } }));
    return this.#database.read('measure', { keys: plain });
  }

  async now(): Promise<Instant> {
    return this.#clock.now();
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
