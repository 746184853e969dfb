import type { Clock, Logger, QueueStore, Random, StorageSignals } from '@querator/core';
import { type EngineLimits, engineDeps } from '../engine-options.ts';
import type { RequestsWaiting } from '../logical/logical-queue.ts';
import type { QueueDepth } from '../logical/queue-counts.ts';
import { type PartitionStorage, QueueManager } from '../manager/queue-manager.ts';
import type { EngineObserver } from '../observer.ts';
import { QueueService } from './queue-service.ts';
import { QueuesService } from './queues-service.ts';
import { StorageService } from './storage-service.ts';

/** What a service is made of. */
export interface ServiceOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger | undefined;
  readonly limits?: Partial<EngineLimits> | undefined;
  /** Is told what happens to items; absent: nobody is. */
  readonly observer?: EngineObserver | undefined;
  /** Where queues are kept. */
  readonly queueStore: QueueStore;
  /** Word from other processes about queues, of the storage that holds `queueStore`. */
  readonly queueSignals?: StorageSignals | undefined;
  /** Where items are kept. The service closes none of them. */
  readonly storages: readonly PartitionStorage[];
}

/** The queue server without a server: everything a client can ask for, as methods. */
export interface Service {
  /** For producers and consumers. */
  readonly queue: QueueService;
  /** For creating and changing queues. */
  readonly queues: QueuesService;
  /** For looking into partitions. */
  readonly storage: StorageService;

  /** Requests that wait, for each queue at work in this process. Reads memory only. */
  waiting(): ReadonlyMap<string, RequestsWaiting>;

  /**
   * Counts what a queue at work in this process holds, in storage. Absent when
   * the queue is not at work here, or is being stopped.
   */
  depth(queueName: string): Promise<QueueDepth | undefined>;

  /** Refuses new calls with `failed`, answers those that wait with `failed`, and resolves when the rest is done. */
  shutdown(): Promise<void>;
}

/**
 * Puts a service together. It starts nothing and touches no storage until it
 * is called.
 */
export function createService({ queueStore, queueSignals, storages, ...given }: ServiceOptions): Service {
  const deps = engineDeps(given);
  const manager = new QueueManager(deps, queueStore, storages, queueSignals);
  return {
    queue: new QueueService(manager, deps.limits),
    queues: new QueuesService(manager),
    storage: new StorageService(manager),
    waiting: () => new Map([...manager.running].map((queue) => [queue.queue.name, queue.waiting()])),
    depth: async (queueName) => {
      const running = [...manager.running].find(({ queue }) => queue.name === queueName);
      return running?.depth().catch(() => undefined);
    },
    shutdown: () => manager.shutdown(),
  };
}
