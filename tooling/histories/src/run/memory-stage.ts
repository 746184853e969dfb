import { setTimeout as delay } from 'node:timers/promises';
import {
  type Clock,
  decorateStore,
  MOVE_STORE,
  type MoveStore,
  type PortCall,
  type Random,
  SCHEDULE_STORE,
  type ScheduleStore,
  STORAGE_BACKEND,
  type StorageBackend,
  StorageError,
  silentLogger,
} from '@querator/core';
import { FaultyStorage } from '@querator/core/testing';
import { createService, type EngineObserver, type Service } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';

/** How many firings are not settled. */
const LOST_SETTLEMENTS = 0.03;

/** How long a page of keys takes to read, which comes between the copy of the items and the switch, in milliseconds. */
const KEYS_PAGE_MS = 40;

/** Where another queue is: on the storage of the first one, or on another one. */
export type QueueOn = 'same storage' | 'another storage';

export interface MemoryStageOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly items: EngineObserver['items'];
  readonly partitions: number;
  readonly leaseTimeoutMs: number;
  /** Undefined: the queue has no dead-letter queue. */
  readonly letters?: { readonly on: QueueOn; readonly maxAttempts: number } | undefined;
  /** Where the second queue is, to which tasks move items. Undefined: none do. */
  readonly itemMoves?: QueueOn | undefined;
  /** Whether schedules fire. Then there are two services. */
  readonly schedules: boolean;
  /** Whether there is a second storage of items, and partitions may move to it. */
  readonly moves: boolean;
}

/** The names of both storages of items, if partitions move. */
export const MEMORY_STORAGES = ['memory', 'second'] as const;

/** A service in memory with a queue called `q`, and its dead-letter queue `dead`. */
export interface MemoryStage {
  /** The first one is for clients. The others only fire schedules. */
  readonly services: readonly [Service, ...Service[]];
  /** Those of the items, and of queues on another one. */
  readonly storages: readonly FaultyStorage[];
  readonly scheduleStore: ScheduleStore;
  /** Creates a queue of one partition, whose items neither die nor expire. */
  readonly createQueue: (queueName: string, on: QueueOn) => Promise<void>;
}

/** Starts a service whose storages can be made to fail. */
export async function setUpMemoryStage(options: MemoryStageOptions): Promise<MemoryStage> {
  const { clock, random, items, partitions, leaseTimeoutMs, letters, itemMoves, schedules, moves } = options;
  const backend = memoryBackend({ name: MEMORY_STORAGES[0], clock, random });
  const storage = new FaultyStorage(moves ? withSlowKeys(backend) : backend);
  const other =
    (letters?.on ?? itemMoves) === 'another storage'
      ? new FaultyStorage(memoryBackend({ name: 'other', clock, random }))
      : undefined;
  const second = moves
    ? new FaultyStorage(withSlowKeys(memoryBackend({ name: MEMORY_STORAGES[1], clock, random })))
    : undefined;
  const storages = [storage, other, second].filter((each) => each !== undefined);
  const scheduleStore = backend.scheduleStore?.() as ScheduleStore;
  const deps = {
    ...{ clock, random, logger: silentLogger, queueStore: storage.queueStore() },
    ...{ observer: { items, batch: () => {} }, taskStore: backend.taskStore?.() },
    scheduleStore: withLostSettlements(scheduleStore, random),
  };
  // New partitions go to storages with an affinity above 0.
  const serviceOn = (chosen: FaultyStorage) =>
    createService({
      ...deps,
      storages: storages.map((each) => ({ backend: each, affinity: each === chosen ? 1 : 0 })),
    });
  const settings = {
    ...{ namespace: '', reference: '', expireTimeout: '24h', leaseTimeout: `${leaseTimeoutMs}ms` },
  };
  const service = serviceOn(storage);
  const createQueue = async (queueName: string, on: QueueOn) => {
    const creator = serviceOn(on === 'another storage' ? (other ?? storage) : storage);
    await creator.queues.create({
      ...{ ...settings, queueName, deadQueue: '', maxAttempts: 0, requestedPartitions: 1 },
    });
    await creator.shutdown();
  };
  if (letters !== undefined) await createQueue('dead', letters.on);
  if (letters !== undefined || itemMoves !== undefined || moves) service.tasks.start();
  await service.queues.create({
    ...{ ...settings, queueName: 'q', requestedPartitions: partitions },
    ...{ deadQueue: letters === undefined ? '' : 'dead', maxAttempts: letters?.maxAttempts ?? 0 },
  });
  const services: MemoryStage['services'] = schedules ? [service, serviceOn(storage)] : [service];
  if (schedules) for (const each of services) each.schedules.start();
  return { services, storages, scheduleStore, createQueue };
}

/** Copies in memory are so fast that consumers would do nothing meanwhile. */
function withSlowKeys(backend: StorageBackend): StorageBackend {
  return decorateStore(STORAGE_BACKEND, backend, (member, call) => {
    if (member !== 'moveStore') return call;
    const slowly = (read: PortCall): PortCall => {
      return async (...args) => {
        await delay(KEYS_PAGE_MS);
        return read(...args);
      };
    };
    return (...args) =>
      decorateStore(MOVE_STORE, call(...args) as MoveStore, (part, made) =>
        part === 'readKeys' ? slowly(made) : made,
      );
  });
}

/** A process that is killed after a firing does not settle it. */
function withLostSettlements(store: ScheduleStore, random: Random): ScheduleStore {
  return decorateStore(SCHEDULE_STORE, store, (member, call) => (...args) => {
    if (member !== 'settle' || random.fraction() >= LOST_SETTLEMENTS) return call(...args);
    return Promise.reject(new StorageError('injected', { outcome: 'not-applied' }));
  });
}
