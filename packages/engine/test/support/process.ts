import { addDuration, milliseconds, type StorageBackend } from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { createService, type QueueCall, type Service } from '../../src/index.ts';
import { item, payloadOf, queueCall } from './harness.ts';

/** A process on a shared storage, with its own clock. It may sleep while the others run. */
export class Process {
  readonly clock = new ManualClock();
  readonly storage: FaultyStorage;
  readonly service: Service;
  #clients = 0;

  constructor(shared: StorageBackend, seed: number) {
    this.storage = new FaultyStorage(shared);
    this.service = createService({
      clock: this.clock,
      random: new SeededRandom(seed),
      queueStore: this.storage.queueStore(),
      storages: [{ backend: this.storage, affinity: 1 }],
    });
  }

  create = (name: string, settings: Partial<QueueCall> = {}) =>
    this.service.queues.create(queueCall(name, settings));

  update = (name: string, settings: Partial<QueueCall> = {}) =>
    this.service.queues.update(queueCall(name, settings));

  produce(queueName: string, ...texts: readonly string[]) {
    return this.service.queue.produce({
      queueName,
      requestTimeout: '1m',
      items: texts.map((text) => item(text)),
    });
  }

  async lease(queueName: string, batchSize = 10) {
    const clientId = `client-${this.#clients++}`;
    return this.service.queue.lease({ queueName, batchSize, clientId, requestTimeout: '1m' });
  }

  /** Leases what is waiting, and completes it. */
  async consume(queueName: string): Promise<string[]> {
    const { partition, items } = await this.lease(queueName);
    const ids = items.map(({ id }) => id);
    await this.service.queue.complete({ queueName, partition, requestTimeout: '1m', ids });
    return items.map(payloadOf);
  }

  /** The waiting and leased items, and the prepared letters. */
  async stored(queueName: string, partition = 0): Promise<string[]> {
    const listed = await this.#list(queueName, partition);
    const store = this.storage.partitionStore({ queue: queueName, partition });
    const prepared = await store.list({ state: 'prepared', pivot: '', limit: 1_000 });
    return [...listed, ...prepared].map(payloadOf);
  }

  async waiting(queueName: string): Promise<string[]> {
    return (await this.#list(queueName, 0)).filter(({ isLeased }) => !isLeased).map(payloadOf);
  }

  partitionsOf = async (queueName: string) =>
    (await this.service.queue.stats(queueName)).partitions.map(({ partition }) => partition);

  #list(queueName: string, partition: number) {
    return this.service.storage.listItems({ queueName, partition, pivot: '', limit: 0 });
  }

  /** Advances the clock without running timers or reading answers. */
  sleep(ms: number): void {
    this.clock.set(addDuration(this.clock.now(), milliseconds(ms)));
  }

  /** Runs what is due. */
  wake(): Promise<void> {
    return this.clock.advance('0');
  }
}
