import {
  type Clock,
  decorateStore,
  type Random,
  SCHEDULE_STORE,
  type ScheduleStore,
  StorageError,
  silentLogger,
} from '@querator/core';
import { FaultyStorage } from '@querator/core/testing';
import { createService, type EngineObserver, type Service } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';

/** How many firings are not settled. */
const LOST_SETTLEMENTS = 0.03;

/** Where the dead letters of a queue are: on its storage, or on another one. */
export type LettersOn = 'same storage' | 'another storage';

export interface MemoryStageOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly items: EngineObserver['items'];
  readonly partitions: number;
  readonly leaseTimeoutMs: number;
  /** Undefined: the queue has no dead-letter queue. */
  readonly letters?: { readonly on: LettersOn; readonly maxAttempts: number } | undefined;
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
  /** Those of the items and of the dead letters. */
  readonly storages: readonly FaultyStorage[];
  readonly scheduleStore: ScheduleStore;
}

/** Starts a service whose storages can be made to fail. */
export async function setUpMemoryStage(options: MemoryStageOptions): Promise<MemoryStage> {
  const { clock, random, items, partitions, leaseTimeoutMs, letters, schedules, moves } = options;
  const backend = memoryBackend({ name: MEMORY_STORAGES[0], clock, random });
  const storage = new FaultyStorage(backend);
  const other =
    letters?.on === 'another storage'
      ? new FaultyStorage(memoryBackend({ name: 'letters', clock, random }))
      : undefined;
  const second = moves
    ? new FaultyStorage(memoryBackend({ name: MEMORY_STORAGES[1], clock, random }))
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
  if (letters !== undefined) {
    const creator = serviceOn(other ?? storage);
    await creator.queues.create({
      ...{ ...settings, queueName: 'dead', deadQueue: '', maxAttempts: 0, requestedPartitions: 1 },
    });
    await creator.shutdown();
  }
  if (letters !== undefined || moves) service.tasks.start();
  await service.queues.create({
    ...{ ...settings, queueName: 'q', requestedPartitions: partitions },
    ...{ deadQueue: letters === undefined ? '' : 'dead', maxAttempts: letters?.maxAttempts ?? 0 },
  });
  const services: MemoryStage['services'] = schedules ? [service, serviceOn(storage)] : [service];
  if (schedules) for (const each of services) each.schedules.start();
  return { services, storages, scheduleStore };
}

/** A process that is killed after a firing does not settle it. */
function withLostSettlements(store: ScheduleStore, random: Random): ScheduleStore {
  return decorateStore(SCHEDULE_STORE, store, (member, call) => (...args) => {
    if (member !== 'settle' || random.fraction() >= LOST_SETTLEMENTS) return call(...args);
    return Promise.reject(new StorageError('injected', { outcome: 'not-applied' }));
  });
}
