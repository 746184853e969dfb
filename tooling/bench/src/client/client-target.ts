import { type Client, createClient, ReplyError } from '@querator/client';
import type { Held, Target } from '../workload/work.ts';

/** Leased items of one partition. */
interface ClientHeld extends Held {
  readonly partition: number;
  readonly ids: readonly string[];
}

/** The server of the calls, and the content of the items. */
export interface ClientTargetOptions {
  readonly endpoint: string;
  readonly queue: string;
  readonly payloadBytes: number;
}

/** A server over HTTP, called by the client package in the caller's process. */
export class ClientTarget implements Target<ClientHeld> {
  readonly #client: Client;
  readonly #queueName: string;
  readonly #batchSize: number;
  readonly #items: readonly { readonly bytes: Uint8Array }[];

  constructor({ endpoint, queue, payloadBytes }: ClientTargetOptions, batch: number) {
    this.#client = createClient({ endpoint });
    this.#queueName = queue;
    this.#batchSize = batch;
    const bytes = Buffer.alloc(payloadBytes, 97);
    this.#items = Array.from({ length: batch }, () => ({ bytes }));
  }

  async produce(): Promise<void> {
    await this.#client.queue.produce({
      queueName: this.#queueName,
      requestTimeout: '1m',
      items: [...this.#items],
    });
  }

  async lease(client: number): Promise<ClientHeld | undefined> {
    try {
      const { partition, items } = await this.#client.queue.lease({
        ...{ queueName: this.#queueName, batchSize: this.#batchSize },
        ...{ clientId: `bench-${client}`, requestTimeout: '1s' },
      });
      return { count: items.length, partition, ids: items.map(({ id }) => id) };
    } catch (error) {
      if (error instanceof ReplyError && error.code === 'retry') return undefined;
      throw error;
    }
  }

  async complete(_: number, { partition, ids }: ClientHeld): Promise<void> {
    const request = { queueName: this.#queueName, partition, requestTimeout: '1m', ids: [...ids] };
    await this.#client.queue.complete(request);
  }

  hold(partition: number, ids: readonly string[]): ClientHeld {
    return { count: ids.length, partition, ids };
  }

  /** The cheapest call that takes a request and a reply. */
  async bare(): Promise<void> {
    await this.#client.queues.info({ queueName: this.#queueName });
  }
}
