import { type NewItem, QueueError } from '@querator/core';
import type { Service } from '@querator/engine';
import type { Held, Target } from '../workload/work.ts';

/** Leased items of one partition. */
export interface ServiceHeld extends Held {
  readonly partition: number;
  readonly ids: readonly string[];
}

/** The queue of the calls, and the content of its items. */
export interface ServiceTargetOptions {
  readonly queue: string;
  readonly batch: number;
  readonly payloadBytes: number;
}

/** The service in this process: the server without HTTP and wire messages. */
export class ServiceTarget implements Target<ServiceHeld> {
  readonly #service: Service;
  readonly #options: ServiceTargetOptions;
  readonly #items: readonly NewItem[];

  constructor(service: Service, options: ServiceTargetOptions) {
    this.#service = service;
    this.#options = options;
    const payload = Buffer.alloc(options.payloadBytes, 97);
    const item: NewItem = { encoding: '', kind: '', reference: '', payload };
    this.#items = Array.from({ length: options.batch }, () => item);
  }

  async produce(): Promise<void> {
    const { queue: queueName } = this.#options;
    await this.#service.queue.produce({ queueName, requestTimeout: '1m', items: this.#items });
  }

  async lease(client: number): Promise<ServiceHeld | undefined> {
    const { queue: queueName, batch: batchSize } = this.#options;
    try {
      const { partition, items } = await this.#service.queue.lease({
        ...{ queueName, batchSize, clientId: `bench-${client}`, requestTimeout: '1s' },
      });
      return { count: items.length, partition, ids: items.map(({ id }) => id) };
    } catch (error) {
      if (error instanceof QueueError && error.code === 'retry') return undefined;
      throw error;
    }
  }

  async complete(_: number, { partition, ids }: ServiceHeld): Promise<void> {
    const { queue: queueName } = this.#options;
    await this.#service.queue.complete({ queueName, partition, requestTimeout: '1m', ids });
  }

  hold(partition: number, ids: readonly string[]): ServiceHeld {
    return { count: ids.length, partition, ids };
  }

  async bare(): Promise<void> {}
}
