import { type Clock, type Random, silentLogger } from '@querator/core';
import { FaultyStorage } from '@querator/core/testing';
import { createService, type EngineObserver, type Service } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';

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
}

/** A service in memory with a queue called `q`, and its dead-letter queue `dead`. */
export interface MemoryStage {
  readonly service: Service;
  /** Those of the items and of the dead letters. */
  readonly storages: readonly FaultyStorage[];
}

/** Starts a service whose storages can be made to fail. */
export async function setUpMemoryStage(options: MemoryStageOptions): Promise<MemoryStage> {
  const { clock, random, items, partitions, leaseTimeoutMs, letters } = options;
  const backend = memoryBackend({ name: 'memory', clock, random });
  const storage = new FaultyStorage(backend);
  const other =
    letters?.on === 'another storage'
      ? new FaultyStorage(memoryBackend({ name: 'letters', clock, random }))
      : undefined;
  const storages = other === undefined ? [storage] : [storage, other];
  const deps = {
    ...{ clock, random, logger: silentLogger, queueStore: storage.queueStore() },
    ...{ observer: { items, batch: () => {} }, taskStore: backend.taskStore?.() },
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
    service.tasks.start();
  }
  await service.queues.create({
    ...{ ...settings, queueName: 'q', requestedPartitions: partitions },
    ...{ deadQueue: letters === undefined ? '' : 'dead', maxAttempts: letters?.maxAttempts ?? 0 },
  });
  return { service, storages };
}
