import {
  type Clock,
  type Instant,
  millisecondsBetween,
  type PartitionStore,
  type QueueStore,
  type StorageBackend,
  StorageError,
} from '@querator/core';
import { Histogram, type Registry } from 'prom-client';

/** In seconds, from a read of memory to the longest time limit of a driver. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * The `operation` label of each method; one that is missing does not compile.
 * Labels outlive method names: dashboards refer to them.
 */
const PARTITION_CALLS: Readonly<Record<keyof PartitionStore, string>> = {
  produce: 'produce',
  produceAndLease: 'produceAndLease',
  lease: 'lease',
  release: 'release',
  complete: 'complete',
  retry: 'retry',
  list: 'list',
  stats: 'stats',
  probe: 'probe',
  import: 'import',
  delete: 'delete',
  clear: 'clear',
  sweep: 'sweep',
  markMoved: 'markMoved',
  remove: 'remove',
  prepareLetters: 'holdLetters',
  commitLetters: 'deliverLetters',
  abortLetters: 'withdrawLetters',
  untilDroppable: 'untilDroppable',
  drop: 'drop',
};
const QUEUE_CALLS: Readonly<Record<keyof QueueStore, string>> = {
  create: 'queues_create',
  get: 'queues_get',
  stamps: 'queues_stamps',
  list: 'queues_list',
  update: 'queues_update',
  beginDelete: 'queues_beginDelete',
  delete: 'queues_delete',
  wasDeleted: 'queues_wasDeleted',
  forgetDeletion: 'queues_forgetDeletion',
  partitionCounts: 'queues_partitionCounts',
  findByDeadQueue: 'queues_findByDeadQueue',
};

type Call = (...args: never[]) => Promise<unknown>;

/** Measures the calls of storages. */
export class StorageMetrics {
  readonly #clock: Clock;
  readonly #duration: Histogram<'storage' | 'operation' | 'result'>;

  constructor(registry: Registry, clock: Clock) {
    this.#clock = clock;
    this.#duration = new Histogram({
      name: 'querator_storage_duration_seconds',
      help: 'How long calls to a storage took, those on queues as queues_*',
      labelNames: ['storage', 'operation', 'result'],
      buckets: BUCKETS,
      registers: [registry],
    });
  }

  /** Decorates a storage to measure its calls. @param name for the label. */
  measure(backend: StorageBackend, name = backend.name): StorageBackend {
    const queueStore = this.#measureAll(backend.queueStore(), QUEUE_CALLS, name);
    const { poll } = backend;
    return {
      name: backend.name,
      capabilities: backend.capabilities,
      signals: backend.signals,
      queueStore: () => queueStore,
      partitionStore: (key, owner) =>
        this.#measureAll(backend.partitionStore(key, owner), PARTITION_CALLS, name),
      ping: () => this.#timed(name, 'ping', () => backend.ping()),
      ...(poll === undefined
        ? {}
        : {
            // `glance`: the label that dashboards know.
            poll: (...args: Parameters<typeof poll>) =>
              this.#timed(name, 'glance', () => poll.apply(backend, args)),
          }),
      close: () => backend.close(),
    };
  }

  #measureAll<Store extends object>(
    store: Store,
    calls: Readonly<Record<keyof Store, string>>,
    storage: string,
  ): Store {
    const there = Object.entries<string>(calls).filter(([call]) => store[call as keyof Store] !== undefined);
    const measured = there.map(([call, operation]) => {
      const inner = (store[call as keyof Store] as Call).bind(store);
      return [call, (...args: never[]) => this.#timed(storage, operation, () => inner(...args))];
    });
    return Object.fromEntries(measured) as Store;
  }

  async #timed<T>(storage: string, operation: string, call: () => Promise<T>): Promise<T> {
    const start = this.#clock.now();
    try {
      const result = await call();
      this.#observe(start, { storage, operation, result: 'ok' });
      return result;
    } catch (error) {
      const gaveUp = error instanceof StorageError && error.gaveUp;
      this.#observe(start, { storage, operation, result: gaveUp ? 'given-up' : 'failed' });
      throw error;
    }
  }

  #observe(start: Instant, labels: { storage: string; operation: string; result: string }): void {
    // The clock may step backwards.
    const seconds = Math.max(millisecondsBetween(start, this.#clock.now()), 0) / 1_000;
    this.#duration.observe(labels, seconds);
  }
}
