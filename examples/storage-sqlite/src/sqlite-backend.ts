import type {
  Clock,
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
import type { OpenFile } from './connection.ts';
import { Database } from './database.ts';
import { partitionSize } from './partition-size.ts';
import { SqlitePartitionStore } from './sqlite-partition-store.ts';
import { SqliteQueueStore } from './sqlite-queue-store.ts';

/** The settings and dependencies of a storage in a SQLite file. */
export interface SqliteBackendOptions {
  /** The name under which queues refer to it. */
  readonly name: string;
  /** The file, on a local disk. Created if missing, but not its folder. Not `:memory:`, which cannot be shared. */
  readonly path: string;
  /** Decides deadlines. */
  readonly clock: Clock;
  /** The source of the unguessable part of item ids. */
  readonly random: Random;
  /** Opens the file, for tests that make it fail. */
  readonly openFile?: OpenFile | undefined;
}

/** What a storage of this driver can do: all that the example needs, and nothing else. */
export const SQLITE_CAPABILITIES: StorageCapabilities = { durable: true, shared: true, extend: true };

/** A storage in one file, for any number of processes of one machine. */
export function sqliteBackend(options: SqliteBackendOptions): StorageBackend {
  return new SqliteBackend(options);
}

class SqliteBackend implements StorageBackend {
  readonly name: string;
  readonly capabilities = SQLITE_CAPABILITIES;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #database: Database;
  readonly #queues: SqliteQueueStore;

  constructor({ name, path, clock, random, openFile }: SqliteBackendOptions) {
    this.name = name;
    this.#clock = clock;
    this.#random = random;
    this.#database = new Database(name, path, openFile);
    this.#queues = new SqliteQueueStore(this.#database, clock);
  }

  queueStore(): QueueStore {
    return this.#queues;
  }

  partitionStore({ queue, partition }: PartitionKey, owner?: PartitionOwner): PartitionStore {
    return new SqlitePartitionStore({
      owner,
      database: this.#database,
      clock: this.#clock,
      random: this.#random,
      partition: textOf({ queue, partition }),
    });
  }

  async measure(keys: readonly PartitionKey[]): Promise<readonly PartitionSize[]> {
    return this.#database.read((connection) => keys.map((key) => partitionSize(connection, textOf(key))));
  }

  async ping(): Promise<readonly StorageNotice[]> {
    await this.#database.read((connection) => connection.get('select 1 from queues limit 1', {}));
    return [];
  }

  /** No call can be running: each completes before its promise exists. */
  async close(): Promise<void> {
    this.#database.close();
  }
}

/** The number is first. It contains no slash, so two keys never have the same text, whatever the name. */
function textOf({ queue, partition }: PartitionKey): string {
  return `${partition}/${queue}`;
}
