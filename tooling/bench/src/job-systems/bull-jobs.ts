import { Queue, Worker } from 'bullmq';
import type { JobSystem, WorkersOptions } from './job-system.ts';

/** BullMQ on a Redis. Completed jobs are removed, as our items are. */
export class BullJobs implements JobSystem {
  readonly #queue: Queue;
  readonly #name: string;
  readonly #connection: { readonly host: string; readonly port: number };
  readonly #data: { readonly text: string };

  constructor(
    port: number,
    { queue, payloadBytes }: { readonly queue: string; readonly payloadBytes: number },
  ) {
    this.#connection = { host: '127.0.0.1', port };
    this.#name = queue;
    this.#queue = new Queue(queue, { connection: this.#connection });
    this.#data = { text: 'a'.repeat(payloadBytes) };
  }

  async add(): Promise<void> {
    await this.#queue.add('job', this.#data, { removeOnComplete: true });
  }

  async work({ concurrency, handler, done }: WorkersOptions): Promise<() => Promise<void>> {
    const working = new Worker(this.#name, handler, { connection: this.#connection, concurrency });
    working.on('completed', done);
    await working.waitUntilReady();
    return () => working.close();
  }

  async close(): Promise<void> {
    await this.#queue.obliterate({ force: true });
    await this.#queue.close();
  }
}
