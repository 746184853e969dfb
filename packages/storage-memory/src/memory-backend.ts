import {
  type AccessStore,
  type AuditStore,
  type Clock,
  type CountedPartition,
  type InstanceStore,
  type Instant,
  type MoveStore,
  microseconds,
  type PartitionCounts,
  type PartitionKey,
  type PartitionOwner,
  type PartitionSize,
  type PartitionStore,
  type QueueStore,
  type Random,
  type RateStore,
  type ScheduleStore,
  type StorageBackend,
  type StorageCapabilities,
  StorageError,
  type StorageNotice,
  type TaskStore,
} from '@querator/core';
import { MemoryAccessStore } from './access/memory-access-store.ts';
import { MemoryAuditStore } from './audit/memory-audit-store.ts';
import { ItemIds } from './item-ids.ts';
import { ItemTable } from './item-table.ts';
import { MemoryInstanceStore } from './memory-instance-store.ts';
import { MemoryPartitionStore } from './memory-partition-store.ts';
import { MemoryQueueStore } from './memory-queue-store.ts';
import { MemoryRateStore } from './memory-rate-store.ts';
import { MemoryScheduleStore } from './memory-schedule-store.ts';
import { MemoryTaskStore } from './memory-task-store.ts';
import { Gates } from './moves/gate.ts';
import { MemoryMoveStore } from './moves/memory-move-store.ts';
import { nextTurn, type Pause } from './turns.ts';

/** What a storage in memory can do. */
export const MEMORY_CAPABILITIES: StorageCapabilities = {
  durable: false,
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

/** Options of a storage in memory. */
export interface MemoryBackendOptions {
  /** The name under which queues refer to it. */
  readonly name: string;
  /** The clock that judges deadlines. */
  readonly clock: Clock;
  /** The source of the random part of item ids. */
  readonly random: Random;
  /** Lets other work run during a call on many items. Undefined: ends the turn of the event loop. */
  readonly pause?: () => Promise<void>;
}

/**
 * A storage in the memory of this process. Its items are lost when the process
 * ends. Two backends never share items, even with the same name.
 */
export function memoryBackend(options: MemoryBackendOptions): StorageBackend {
  return new MemoryBackend(options);
}

class MemoryBackend implements StorageBackend {
  readonly name: string;
  readonly capabilities = MEMORY_CAPABILITIES;
  readonly #clock: Clock;
  readonly #ids: ItemIds;
  readonly #pause: Pause;
  readonly #queues: MemoryQueueStore;
  readonly #access: MemoryAccessStore;
  readonly #instances: MemoryInstanceStore;
  readonly #audit: MemoryAuditStore;
  readonly #schedules: MemoryScheduleStore;
  readonly #tasks: MemoryTaskStore;
  readonly #rates: MemoryRateStore;
  readonly #tables = new Map<string, ItemTable>();
  /** Partitions that `dropEmpty` removed. Their dedup keys are still in their tables. */
  readonly #emptied = new Set<string>();
  readonly #gates: Gates;
  #closed = false;

  constructor({ name, clock, random, pause = nextTurn }: MemoryBackendOptions) {
    this.name = name;
    this.#gates = new Gates(name);
    this.#clock = clock;
    this.#ids = new ItemIds(random);
    this.#pause = pause;
    const assertOpen = () => this.#assertOpen();
    this.#instances = new MemoryInstanceStore(clock, assertOpen);
    this.#audit = new MemoryAuditStore(clock, assertOpen);
    this.#rates = new MemoryRateStore(clock, assertOpen);
    const events = this.#audit;
    this.#tasks = new MemoryTaskStore({ clock, assertOpen, events });
    this.#queues = new MemoryQueueStore({
      ...{ clock, assertOpen, events },
      inNamespace: (namespace, work) => this.#access.inNamespace(namespace, work),
    });
    this.#schedules = new MemoryScheduleStore({
      ...{ clock, assertOpen, events },
      queueCreatedAt: (name) => this.#queues.createdAt(name),
    });
    const hasQueues = (namespace: string) => this.#queues.hasQueuesIn(namespace);
    this.#access = new MemoryAccessStore({ assertOpen, events, hasQueues });
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

  partitionStore(partition: PartitionKey, owner?: PartitionOwner): PartitionStore {
    const key = keyOf(partition);
    return new MemoryPartitionStore({
      clock: this.#clock,
      ids: this.#ids,
      pause: this.#pause,
      table: () => {
        this.#checkMayBeMade(key, partition.queue);
        return this.#table(key);
      },
      open: (adds = false) => {
        this.#checkMayBeMade(key, partition.queue);
        const table = this.#table(key);
        this.#gates.checkOpen(key, owner?.createdAt, adds);
        return table;
      },
      checkKeys: (keySpread) => this.#gates.checkKeys(key, owner?.createdAt, keySpread),
      countedTable: () => this.#table(key),
      dropEmpty: () => {
        this.#assertOpen();
        if ((this.#tables.get(key)?.size().items ?? 0) > 0) return false;
        this.#emptied.add(key);
        return true;
      },
      drop: () => {
        this.#assertOpen();
        this.#tables.delete(key);
        this.#emptied.delete(key);
        this.#gates.forget(key);
      },
    });
  }

  moveStore(partition: PartitionKey, owner?: PartitionOwner): MoveStore {
    const key = keyOf(partition);
    return new MemoryMoveStore({
      key,
      createdAt: owner?.createdAt,
      clock: this.#clock,
      ids: this.#ids,
      gates: this.#gates,
      table: () => this.#table(key),
      existing: () => {
        this.#assertOpen();
        return this.#tables.get(key);
      },
      replace: (table) => {
        if (table === undefined) this.#tables.delete(key);
        else this.#tables.set(key, table);
      },
    });
  }

  async ping(): Promise<readonly StorageNotice[]> {
    this.#assertOpen();
    return [];
  }

  async measure(keys: readonly PartitionKey[]): Promise<readonly PartitionSize[]> {
    this.#assertOpen();
    return keys.map((key) => this.#tables.get(keyOf(key))?.size() ?? { items: 0, bytes: 0 });
  }

  async countSmall(
    partitions: readonly CountedPartition[],
  ): Promise<readonly (PartitionCounts | undefined)[]> {
    this.#assertOpen();
    const now = this.#clock.now();
    return partitions.map((key) => this.#tables.get(keyOf(key))?.stats(now) ?? NOTHING);
  }

  async now(): Promise<Instant> {
    this.#assertOpen();
    return this.#clock.now();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#tables.clear();
    this.#emptied.clear();
    this.#gates.clear();
    this.#queues.clear();
    this.#access.clear();
    this.#instances.clear();
    this.#audit.clear();
    this.#schedules.clear();
    this.#tasks.clear();
    this.#rates.clear();
  }

  /** The items of one partition. Created at first use, so that a dropped partition leaves nothing behind. */
  #table(key: string): ItemTable {
    this.#assertOpen();
    let table = this.#tables.get(key);
    if (table === undefined) {
      table = new ItemTable();
      this.#tables.set(key, table);
    }
    return table;
  }

  /** A partition that `dropEmpty` has removed does not come back while its queue is closed. */
  #checkMayBeMade(key: string, queue: string): void {
    if (!this.#emptied.has(key)) return;
    if (this.#queues.closureOf(queue) !== undefined) {
      throw new StorageError(`queue '${queue}' is being deleted`, { outcome: 'not-applied' });
    }
    this.#emptied.delete(key);
  }

  #assertOpen(): void {
    if (this.#closed) {
      throw new StorageError(`storage '${this.name}' is closed`, { outcome: 'not-applied' });
    }
  }
}

const NOTHING: PartitionCounts = { waiting: 0, leased: 0, scheduled: 0, headAge: microseconds(0n) };

function keyOf({ queue, partition }: PartitionKey): string {
  return `${partition}/${queue}`;
}
