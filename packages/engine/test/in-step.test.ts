import {
  decorateStore,
  type Instant,
  millisecondsBetween,
  PARTITION_STORE,
  type PartitionStore,
  STORAGE_BACKEND,
  type StorageBackend,
} from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { expect, test } from 'vitest';
import { createService } from '../src/index.ts';
import { item, queueCall } from './support/harness.ts';

/** How long calls of PostgreSQL take with 16 items, in milliseconds. */
const CALL_MS: Partial<Record<string, number>> = {
  ...{ produceKeyed: 0.55, produceKeyedAndLease: 0.6, lease: 0.55, complete: 0.3 },
};
/** One way between a client and the server, and the client's own time for an answer. */
const [NETWORK_MS, CLIENT_MS] = [0.12, 0.08];
const ITEMS = 16;
/** What a worker's client takes for an answer at first, while its code is new, and for how long, in milliseconds. */
const NEW_CLIENT = { answerMs: 6, ms: 40 };

/** A producer and a worker of one queue, each with one request at a time. Everything takes its time, more or less. */
class Flow {
  readonly clock = new ManualClock();
  readonly #random: SeededRandom;
  readonly #begin: Instant;
  readonly #newMs: number;
  readonly #calls = new Map<string, number>();
  readonly #service;
  #leasesInFlight = 0;
  #stored = 0;

  /** @param newMs how long the worker's client is slow at first. */
  constructor(seed: number, newMs = 0) {
    this.#newMs = newMs;
    this.#begin = this.clock.now();
    this.#random = new SeededRandom(seed);
    const memory = memoryBackend({ name: 'mem', clock: this.clock, random: this.#random });
    const backend = decorateStore<StorageBackend>(STORAGE_BACKEND, memory, (member, call) => (...args) => {
      const made = call(...args);
      return member === 'partitionStore' ? this.#slow(made as PartitionStore) : made;
    });
    this.#service = createService({
      ...{ clock: this.clock, random: this.#random },
      ...{ queueStore: memory.queueStore(), storages: [{ backend, affinity: 1 }] },
    });
  }

  /** Calls of the partition so far. */
  count(operation: string): number {
    return this.#calls.get(operation) ?? 0;
  }

  async start(): Promise<void> {
    await this.#service.queues.create(queueCall('q'));
    void this.#produce();
    void this.#work();
  }

  /** Calls that take effect at their end, when they would commit. */
  #slow(store: PartitionStore): PartitionStore {
    return decorateStore<PartitionStore>(PARTITION_STORE, store, (operation, call) => async (...args) => {
      const callMs = CALL_MS[operation];
      if (callMs === undefined) return call(...args);
      this.#calls.set(operation, this.count(operation) + 1);
      // In the snapshot of a statement, items wait until a concurrent lease has committed.
      const isFree = this.#leasesInFlight === 0 && (await store.stats()).waiting === 0;
      if (operation === 'lease') this.#leasesInFlight++;
      await this.#pass(callMs);
      if (operation === 'lease') this.#leasesInFlight--;
      if (operation !== 'produceKeyedAndLease' || isFree) return call(...args);
      const [requests, options] = args as unknown as Parameters<NonNullable<PartitionStore['produceKeyed']>>;
      return { outcomes: await store.produceKeyed?.(requests, options), leased: [] };
    });
  }

  async #produce(): Promise<void> {
    for (;;) {
      await this.#pass(CLIENT_MS + NETWORK_MS);
      await this.#service.keyedProduces.produce({
        ...{ queueName: 'q', requestTimeout: '1m', dedupKey: `key ${this.#stored++}`, itemKeys: [] },
        ...{ dedupWindow: '', items: Array.from({ length: ITEMS }, () => item('a')) },
      });
      await this.#pass(NETWORK_MS);
    }
  }

  async #work(): Promise<void> {
    for (;;) {
      await this.#pass(NETWORK_MS);
      const call = { queueName: 'q', batchSize: 2 * ITEMS, clientId: 'worker', requestTimeout: '1m' };
      const { items, partition } = await this.#service.queue.lease(call);
      await this.#pass(NETWORK_MS + this.#workerMs);
      void this.#complete(
        partition,
        items.map(({ id }) => id),
      );
    }
  }

  async #complete(partition: number, ids: readonly string[]): Promise<void> {
    await this.#pass(CLIENT_MS + NETWORK_MS);
    await this.#service.queue.complete({ queueName: 'q', partition, requestTimeout: '1m', ids });
  }

  get #workerMs(): number {
    const isNew = millisecondsBetween(this.#begin, this.clock.now()) < this.#newMs;
    return isNew ? NEW_CLIENT.answerMs : CLIENT_MS;
  }

  #pass(ms: number): Promise<void> {
    const isStalled = this.#random.fraction() < 0.03;
    const factor = isStalled ? 3 : 0.7 + 0.8 * this.#random.fraction();
    return new Promise((resolve) => void this.clock.startTimer(ms * factor, resolve));
  }
}

test.each([1, 2, 3, 4])(
  'a producer and a worker that take turns come in step, so that few items need a lease of their own: %i',
  async (seed) => {
    const flow = new Flow(seed);
    await flow.start();
    await flow.clock.advance('100ms');
    const [leases, produces] = [flow.count('lease'), flow.count('produceKeyedAndLease')];
    await flow.clock.advance('200ms');
    expect(flow.count('produceKeyedAndLease') - produces).toBeGreaterThan(100);
    expect(flow.count('lease') - leases).toBeLessThan(20);
  },
);

test.each([1, 2, 3, 4])(
  'and soon after a worker that was slow at first has become fast: %i',
  async (seed) => {
    const flow = new Flow(seed, NEW_CLIENT.ms);
    await flow.start();
    await flow.clock.advance(`${NEW_CLIENT.ms + 50}ms`);
    const [leases, produces] = [flow.count('lease'), flow.count('produceKeyedAndLease')];
    await flow.clock.advance('100ms');
    expect(flow.count('produceKeyedAndLease') - produces).toBeGreaterThan(50);
    expect(flow.count('lease') - leases).toBeLessThan(10);
  },
);
