import {
  type Clock,
  type CountedPartition,
  type Instant,
  type Logger,
  type PartitionCounts,
  type StorageBackend,
  toMilliseconds,
} from '@querator/core';
import type { ListedQueue } from './queue-directory.ts';

/** What has to be known of a queue to count it. */
export type CountedQueue = Pick<ListedQueue, 'name' | 'createdAt' | 'storages'>;

/** What a queue held when it was counted. */
export interface QueueSample {
  readonly waiting: number;
  readonly leased: number;
  readonly scheduled: number;
  /** The age of the oldest waiting item at that time, in milliseconds. */
  readonly headAgeMs: number;
  /** Whether a count is an estimate. */
  readonly estimated: boolean;
  /** When the count began. */
  readonly countedAt: Instant;
}

/**
 * The result of a count. `large`: the queue has to be counted by itself. `failed`: a storage
 * failed. `unknown`: a storage is not configured, so the sum would be wrong.
 */
export type CountOutcome = QueueSample | 'large' | 'failed' | 'unknown';

export interface QueueCounterDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly storages: ReadonlyMap<string, Pick<StorageBackend, 'partitionStore' | 'countSmall'>>;
  /** Whether a queue was deleted; see `QueueStore.wasDeleted`. */
  readonly wasDeleted: (name: string, createdAt: Instant) => Promise<boolean>;
}

type Counts = PartitionCounts & { readonly estimated?: boolean | undefined };

/** Counts queues, whether they are active or not: small ones together, others one at a time. */
export class QueueCounter {
  readonly #deps: QueueCounterDeps;
  /** The storages whose last count failed. */
  readonly #failing = new Set<string>();

  constructor(deps: QueueCounterDeps) {
    this.#deps = deps;
  }

  /** Counts small queues. Never rejects: queues of a storage that fails are `failed`, others are counted. */
  async countSmall<Queue extends CountedQueue>(
    queues: readonly Queue[],
  ): Promise<ReadonlyMap<Queue, CountOutcome>> {
    const countedAt = this.#deps.clock.now();
    const outcomes = new Map<Queue, CountOutcome>(queues.map((queue) => [queue, sampleOf([], countedAt)]));
    for (const [storageName, partitions] of byStorage(queues)) {
      const counts = await this.#countIn(storageName, partitions);
      for (const [n, { of }] of partitions.entries()) {
        const before = outcomes.get(of);
        if (typeof before !== 'object') continue;
        const count = typeof counts === 'string' ? counts : (counts[n] ?? 'large');
        outcomes.set(of, typeof count === 'string' ? count : sum(before, count));
      }
    }
    return outcomes;
  }

  /** Counts a queue one partition after the other. Never rejects. @param isStopped ends it. */
  async countLarge(queue: CountedQueue, isStopped: () => boolean): Promise<CountOutcome> {
    const countedAt = this.#deps.clock.now();
    let sample = sampleOf([], countedAt);
    for (const [partition, storageName] of queue.storages.entries()) {
      const counts = await this.#countOne(queue, partition, storageName);
      if (typeof counts === 'string') return counts;
      if (isStopped()) return 'unknown';
      sample = sum(sample, counts);
    }
    return sample;
  }

  /** Notes and logs a failure, if it is the first one in a row. @param where the storage, or what else failed. */
  failed(where: string, error: unknown): void {
    if (!this.#failing.has(where)) {
      this.#deps.logger.info('queues could not be counted for their list', { storage: where, err: error });
    }
    this.#failing.add(where);
  }

  async #countIn(
    storageName: string,
    partitions: readonly CountedPartition[],
  ): Promise<readonly (Counts | undefined)[] | 'large' | 'failed' | 'unknown'> {
    const backend = this.#deps.storages.get(storageName);
    if (backend === undefined) return 'unknown';
    if (backend.countSmall === undefined) return 'large';
    try {
      const counts = await backend.countSmall(
        partitions.map(({ queue, partition, createdAt }) => ({ queue, partition, createdAt })),
      );
      this.#failing.delete(storageName);
      return counts;
    } catch (error) {
      this.failed(storageName, error);
      return 'failed';
    }
  }

  async #countOne(
    { name, createdAt }: CountedQueue,
    partition: number,
    storageName: string,
  ): Promise<Counts | 'failed' | 'unknown'> {
    const backend = this.#deps.storages.get(storageName);
    if (backend === undefined) return 'unknown';
    const owner = {
      createdAt,
      // Nothing is created, so nothing has to be removed again.
      isThere: async () => true,
      wasDeleted: (at: Instant) => this.#deps.wasDeleted(name, at),
    };
    try {
      const store = backend.partitionStore({ queue: name, partition }, owner);
      const counts = await store.stats({ createNothing: true, mayEstimate: true });
      this.#failing.delete(storageName);
      return counts;
    } catch (error) {
      this.failed(storageName, error);
      return 'failed';
    }
  }
}

function byStorage<Queue extends CountedQueue>(queues: readonly Queue[]) {
  const partitions = queues.flatMap((of) =>
    of.storages.map((storageName, partition) => ({
      ...{ of, storageName },
      ...{ queue: of.name, partition, createdAt: of.createdAt },
    })),
  );
  return Map.groupBy(partitions, ({ storageName }) => storageName);
}

function sampleOf(counts: readonly Counts[], countedAt: Instant): QueueSample {
  const nothing = { waiting: 0, leased: 0, scheduled: 0, headAgeMs: 0, estimated: false, countedAt };
  return counts.reduce(sum, nothing);
}

function sum(sample: QueueSample, { waiting, leased, scheduled, headAge, estimated }: Counts): QueueSample {
  return {
    waiting: sample.waiting + waiting,
    leased: sample.leased + leased,
    scheduled: sample.scheduled + scheduled,
    headAgeMs: Math.max(sample.headAgeMs, toMilliseconds(headAge)),
    estimated: sample.estimated || estimated === true,
    countedAt: sample.countedAt,
  };
}
