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

/** Every method of a port. A method that is missing here does not compile. */
const PARTITION_CALLS: Readonly<Record<keyof PartitionStore, true>> = {
  produce: true,
  produceAndLease: true,
  lease: true,
  release: true,
  complete: true,
  retry: true,
  list: true,
  stats: true,
  probe: true,
  import: true,
  delete: true,
  clear: true,
  sweep: true,
  markMoved: true,
  remove: true,
  holdLetters: true,
  deliverLetters: true,
  withdrawLetters: true,
  untilDroppable: true,
  drop: true,
};
const QUEUE_CALLS: Readonly<Record<keyof QueueStore, true>> = {
  create: true,
  get: true,
  stamps: true,
  list: true,
  update: true,
  beginDelete: true,
  delete: true,
  wasDeleted: true,
  forgetDeletion: true,
  partitionCounts: true,
  findByDeadQueue: true,
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
    const queueStore = this.#measureAll(backend.queueStore(), QUEUE_CALLS, (call) => [
      name,
      `queues_${call}`,
    ]);
    const { glance } = backend;
    return {
      name: backend.name,
      capabilities: backend.capabilities,
      signals: backend.signals,
      queueStore: () => queueStore,
      partitionStore: (key, owner) =>
        this.#measureAll(backend.partitionStore(key, owner), PARTITION_CALLS, (call) => [name, call]),
      ping: () => this.#timed(name, 'ping', () => backend.ping()),
      ...(glance === undefined
        ? {}
        : {
            glance: (...args: Parameters<typeof glance>) =>
              this.#timed(name, 'glance', () => glance.apply(backend, args)),
          }),
      close: () => backend.close(),
    };
  }

  #measureAll<Store extends object>(
    store: Store,
    calls: Readonly<Record<keyof Store, true>>,
    labelsOf: (call: string) => readonly [storage: string, operation: string],
  ): Store {
    const there = Object.keys(calls).filter((call) => store[call as keyof Store] !== undefined);
    const measured = there.map((call) => {
      const [storage, operation] = labelsOf(call);
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
