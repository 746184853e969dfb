import { expect } from 'vitest';
import type { WatchedServer } from './watched-server.ts';

/** Producers that run until `stop`, and a record of the replies that they got. */
export class Ledger {
  /** Payloads that the server acknowledged. */
  readonly acknowledged = new Set<string>();
  /** Payloads with an unknown outcome. */
  readonly unknown = new Set<string>();
  /** The status of each reply, in order. */
  readonly answers: number[] = [];
  #server: WatchedServer;
  readonly #queues: readonly string[];
  #running = false;
  #runs = 0;
  #producers: readonly Promise<void>[] = [];

  constructor(server: WatchedServer, queues: readonly string[]) {
    this.#server = server;
    this.#queues = queues;
  }

  /** Switches to another server on the same storages, when the first has stopped. */
  goOn(server: WatchedServer): void {
    this.#server = server;
  }

  /** Starts `count` producers for each queue, each with one item at a time. */
  start(producersPerQueue: number, requestTimeout = '10s'): void {
    this.#running = true;
    const run = ++this.#runs;
    this.#producers = this.#queues.flatMap((queue) =>
      Array.from({ length: producersPerQueue }, (_, i) =>
        this.#produce(queue, `${queue}-${run}-${i}`, requestTimeout),
      ),
    );
    // `stop` throws the error of a producer. A test that failed before does not call it.
    for (const producer of this.#producers) producer.catch(() => {});
  }

  /** Waits until `count` more items were acknowledged. */
  async moreAcknowledged(count: number): Promise<void> {
    const goal = this.acknowledged.size + count;
    while (this.acknowledged.size < goal) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Stops the producers, and waits for their last replies. */
  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#producers);
  }

  /**
   * Leases and completes all items, and compares them with the replies of the
   * producers: every acknowledged item is there, none twice, and none that was
   * refused.
   */
  async settle(): Promise<void> {
    const found = (await Promise.all(this.#queues.map((queue) => drain(this.#server, queue)))).flat();
    const once = new Set(found);
    expect(found.length).toBe(once.size);
    expect([...this.acknowledged].filter((payload) => !once.has(payload))).toEqual([]);
    const known = new Set([...this.acknowledged, ...this.unknown]);
    expect(found.filter((payload) => !known.has(payload))).toEqual([]);
  }

  async #produce(queue: string, name: string, requestTimeout: string): Promise<void> {
    for (let n = 0; this.#running; n++) {
      const payload = `${name}-${n}`;
      const { status, json } = await this.#server.produce(queue, payload, requestTimeout);
      const message = (json.message as string | undefined) ?? '';
      this.answers.push(status);
      if (status === 200) this.acknowledged.add(payload);
      else if (message.includes('outcome unknown')) this.unknown.add(payload);
    }
  }
}

/** Leases and completes all items. @returns their payloads in no order. */
async function drain(server: WatchedServer, queue_name: string): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const request = { queue_name, client_id: 'drain', batch_size: 500, request_timeout: '2s' };
    const { status, json } = await server.post('queue.lease', request);
    if (status !== 200) {
      // An empty reply means that no item is left only if all partitions are in service.
      const { json: stats } = await server.post('queue.stats', { queue_name });
      const partitions = (stats.logicalQueues?.[0]?.partitions ?? []) as {
        total?: number;
        failures?: number;
      }[];
      if (partitions.length > 0 && partitions.every(({ total, failures }) => !total && !failures))
        return found;
      continue;
    }
    const items = json.items as { id: string; bytes: string }[];
    found.push(...items.map(({ bytes }) => Buffer.from(bytes, 'base64').toString()));
    const completed = await server.post('queue.complete', {
      ...{ queue_name, partition: json.partition ?? 0, request_timeout: '10s' },
      ids: items.map(({ id }) => id),
    });
    expect(completed.status).toBe(200);
  }
}
