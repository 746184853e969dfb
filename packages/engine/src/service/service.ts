import {
  type Clock,
  type Logger,
  MESSAGES,
  type QueueStore,
  type Random,
  type StorageSignals,
} from '@querator/core';
import { type EngineLimits, engineDeps } from '../engine-options.ts';
import { TakeUpLine } from '../manager/activation-queue.ts';
import { type PartitionStorage, QueueManager } from '../manager/queue-manager.ts';
import type { EngineObserver } from '../observer.ts';
import type { LogicalQueue, RequestsWaiting } from '../queue/logical-queue.ts';
import type { QueueDepth } from '../queue/queue-counts.ts';
import { QueueArrivals } from './queue-arrivals.ts';
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
  /** Change notifications about queues, from the storage that holds `queueStore`; absent if it has none. */
  readonly queueSignals?: StorageSignals | undefined;
  /** Where items are kept. The service closes none of them. */
  readonly storages: readonly PartitionStorage[];
  /**
   * Whether produce and lease wait, within their own time, while storage fails
   * and their queue is not at work in this process yet. By default they throw
   * the first StorageError.
   */
  readonly waitForStorage?: boolean | undefined;
}

/** The partitions on one storage that are at work in this process. */
export interface PartitionsAtWork {
  readonly all: number;
  /** Of these, those out of service: a call to them failed, and none has succeeded since. */
  readonly outOfService: number;
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

  /** How the partitions at work in this process fare, by the storage they are on. Reads memory only. */
  partitions(): ReadonlyMap<string, PartitionsAtWork>;

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
export function createService(options: ServiceOptions): Service {
  const { queueStore, queueSignals, storages, waitForStorage = false, ...given } = options;
  const deps = engineDeps(given);
  const manager = new QueueManager(deps, queueStore, storages, queueSignals, (queue) => line.takenUp(queue));
  const line = new TakeUpLine(deps, (name) => manager.get(name));
  const arrivals = new QueueArrivals({ clock: deps.clock, manager, line, waitForStorage });
  return {
    queue: new QueueService(manager, deps.limits, arrivals),
    queues: new QueuesService(manager),
    storage: new StorageService(manager),
    waiting: () => new Map([...manager.running].map((queue) => [queue.queue.name, queue.waiting()])),
    partitions: () => partitionsOf(manager.running),
    depth: async (queueName) => {
      return manager
        .runningQueue(queueName)
        ?.depth()
        .catch(() => undefined);
    },
    shutdown: () => {
      const atWork = new Set([...manager.running].map(({ queue }) => queue.name));
      line.stop((name) => (atWork.has(name) ? MESSAGES.queueShutdown : MESSAGES.serviceShutdown));
      return manager.shutdown();
    },
  };
}

function partitionsOf(queues: Iterable<LogicalQueue>): ReadonlyMap<string, PartitionsAtWork> {
  const counts = new Map<string, { all: number; outOfService: number }>();
  for (const queue of queues) {
    for (const { storageName, inService } of queue.partitionsInService) {
      const count = counts.get(storageName) ?? { all: 0, outOfService: 0 };
      counts.set(storageName, count);
      count.all++;
      if (!inService) count.outOfService++;
    }
  }
  return counts;
}
