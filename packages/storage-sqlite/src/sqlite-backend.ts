import type {
  AccessStore,
  AuditStore,
  Clock,
  CountedPartition,
  InstanceStore,
  Instant,
  MoveStore,
  PartitionCounts,
  PartitionKey,
  PartitionOwner,
  PartitionSize,
  PartitionStore,
  QueueStore,
  Random,
  RateStore,
  ScheduleStore,
  StorageBackend,
  StorageCapabilities,
  StorageNotice,
  TaskStore,
} from '@querator/core';
import { Database } from './database/database.ts';
import { FileRegistry } from './database/file-registry.ts';
import type { SqliteConfig } from './settings/config.ts';
import { sqliteAccessStore } from './stores/access-store.ts';
import { SqliteAuditStore } from './stores/audit-store.ts';
import { SqliteInstanceStore } from './stores/instance-store.ts';
import { SqliteMoveStore } from './stores/move-store.ts';
import { OwnedCalls } from './stores/owned-calls.ts';
import { SqlitePartitionStore } from './stores/partition-store.ts';
import { SqliteQueueStore } from './stores/queue-store.ts';
import { SqliteRateStore } from './stores/rate-store.ts';
import { SqliteScheduleStore } from './stores/schedule-store.ts';
import { SqliteTaskStore } from './stores/task-store.ts';

/** What a storage on SQLite can do. */
export const SQLITE_CAPABILITIES: StorageCapabilities = {
  durable: true,
  shared: false,
  counts: true,
  extend: true,
  dedup: true,
  metadata: true,
  find: true,
  transfer: true,
  take: true,
  clock: true,
  pause: true,
  closures: true,
  tasks: true,
  moves: true,
  resize: true,
  schedules: true,
  rates: true,
  instances: true,
  access: true,
  audit: true,
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
  readonly #queues: QueueStore;
  readonly #access: AccessStore;
  readonly #instances: InstanceStore;
  readonly #audit: AuditStore;
  readonly #schedules: ScheduleStore;
  readonly #tasks: TaskStore;
  readonly #rates: RateStore;

  constructor(options: SqliteBackendOptions) {
    const { name, clock, durability = 'full', registry = new FileRegistry() } = options;
    this.name = name;
    this.#clock = clock;
    this.#database = new Database({ ...options, durability, registry });
    this.#queues = new SqliteQueueStore(this.#database);
    this.#access = sqliteAccessStore(this.#database);
    this.#instances = new SqliteInstanceStore(this.#database);
    this.#audit = new SqliteAuditStore(this.#database);
    this.#schedules = new SqliteScheduleStore(this.#database);
    this.#tasks = new SqliteTaskStore(this.#database);
    this.#rates = new SqliteRateStore(this.#database);
  }

  queueStore(): QueueStore {
    return this.#queues;
  }

  accessStore(): AccessStore {
    return this.#access;
  }

  instanceStore(): InstanceStore {
    return this.#instances;
  }

  auditStore(): AuditStore {
    return this.#audit;
  }

  scheduleStore(): ScheduleStore {
    return this.#schedules;
  }

  taskStore(): TaskStore {
    return this.#tasks;
  }

  rateStore(): RateStore {
    return this.#rates;
  }

  partitionStore(key: PartitionKey, owner?: PartitionOwner): PartitionStore {
    const calls = new OwnedCalls({ name: this.name, database: this.#database, key, owner });
    return new SqlitePartitionStore(calls);
  }

  moveStore(key: PartitionKey, owner?: PartitionOwner): MoveStore {
    return new SqliteMoveStore(new OwnedCalls({ name: this.name, database: this.#database, key, owner }));
  }

  async ping(): Promise<readonly StorageNotice[]> {
    await this.#database.ping();
    return [];
  }

  measure(keys: readonly PartitionKey[]): Promise<readonly PartitionSize[]> {
    const plain = keys.map(({ queue, partition }) => ({ key: { queue, partition } }));
    return this.#database.read('measure', { keys: plain });
  }

  countSmall(partitions: readonly CountedPartition[]): Promise<readonly (PartitionCounts | undefined)[]> {
    const keys = partitions.map(({ queue, partition, createdAt }) => ({
      key: { queue, partition, createdAt },
    }));
    return this.#database.read('countSmall', { keys });
  }

  async now(): Promise<Instant> {
    return this.#clock.now();
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
