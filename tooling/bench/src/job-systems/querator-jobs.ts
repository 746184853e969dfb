import { createClient, json, type Producer, producer, worker } from '@querator/client';
import type { JobSystem, WorkersOptions } from './job-system.ts';

/** This project's client against a server over HTTP. Its producer sends a dedup key with each request. */
export class QueratorJobs implements JobSystem {
  readonly #client: ReturnType<typeof createClient>;
  readonly #queue: string;
  readonly #data: { readonly text: string };
  readonly #producer: Producer<{ readonly text: string }>;

  constructor(
    endpoint: string,
    { queue, payloadBytes }: { readonly queue: string; readonly payloadBytes: number },
  ) {
    this.#client = createClient({ endpoint });
    this.#queue = queue;
    this.#data = { text: 'a'.repeat(payloadBytes) };
    this.#producer = producer(this.#client, { queue, codec: json<{ readonly text: string }>() });
  }

  async add(): Promise<void> {
    await this.#producer.send(this.#data);
  }

  async work({ concurrency, handler, done }: WorkersOptions): Promise<() => Promise<void>> {
    const working = worker(this.#client, {
      ...{
        queue: this.#queue,
        codec: json<{ readonly text: string }>(),
        concurrency,
        handler,
        stopSignals: [],
      },
      hooks: { completed: done },
    });
    return async () => {
      await working.stop();
    };
  }

  close(): Promise<void> {
    return this.#producer.close();
  }
}
