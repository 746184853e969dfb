import { type Client, ConnectError, ConnectionLostError, consume, createClient } from '@querator/client';
import { QueueError } from '@querator/core';
import type { Ledger } from './ledger.ts';

const decoder = new TextDecoder();

/** A request that failed in a way that the documented client behaviour does not absorb. */
export interface Complaint {
  readonly call: 'produce' | 'consume';
  readonly error: unknown;
  /** When it was sent, on the monotonic clock. */
  readonly sentAt?: number;
}

/** What shutting down looks like from outside: the two documented answers, or nobody listens any more. */
function isShutdown(error: unknown): boolean {
  return error instanceof ConnectError || (error instanceof QueueError && error.code === 'failed');
}

/**
 * Producers and consumers as the client's README tells to write them, on
 * several servers: who is told that a server shuts down, or finds nobody there,
 * goes to the next one. Anything else that fails is a complaint.
 */
export class ClientLoad {
  readonly complaints: Complaint[] = [];
  /** Answers of servers that were shutting down. */
  absorbed = 0;
  readonly #clients: readonly Client[];
  readonly #ledger: Ledger;
  readonly #stopConsumers = new AbortController();
  readonly #running: Promise<void>[] = [];
  /** When the last shutdown of each began. */
  readonly #stopsAt: number[] = [];
  #producing = true;

  constructor(urls: readonly string[], ledger: Ledger) {
    this.#clients = urls.map((endpoint) => createClient({ endpoint }));
    this.#ledger = ledger;
  }

  /** Starts so many producers and consumers; each begins at another server. */
  start(queueName: string, count: number): void {
    for (let n = 0; n < count; n++)
      this.#running.push(this.#produce(queueName, n), this.#consume(queueName, n));
  }

  /** Consumers of a queue in which there is nothing: they wait all the time. */
  startIdle(queueName: string, count: number): void {
    for (let n = 0; n < count; n++) this.#running.push(this.#consume(queueName, n));
  }

  /** Say so before a server is told to stop. */
  stops(server: number): void {
    this.#stopsAt[server] = performance.now();
  }

  /** Ends the producers, waits until all is consumed, and ends the consumers. */
  async drain(whenDone: () => Promise<void>): Promise<void> {
    this.#producing = false;
    await whenDone();
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#producing = false;
    this.#stopConsumers.abort();
    await Promise.all(this.#running);
  }

  async #produce(queueName: string, name: number): Promise<void> {
    let at = name;
    for (let n = 0; this.#producing; n++) {
      const text = `${name}-${n}`;
      this.#ledger.sent(text);
      for (let isStored = false; !isStored; ) {
        const sentAt = performance.now();
        try {
          const items = [{ utf8: text }];
          await this.#clientAt(at).queue.produce({ queueName, requestTimeout: '10s', items });
          this.#ledger.produced(text);
          isStored = true;
        } catch (error) {
          if (!isShutdown(error)) {
            this.complaints.push({ call: 'produce', error, sentAt });
            break;
          }
          this.absorbed++;
          at++;
        }
      }
    }
  }

  /** The loop of the client survives a restart of its server; a consumer that has the choice goes elsewhere. */
  async #consume(queueName: string, name: number): Promise<void> {
    const { signal } = this.#stopConsumers;
    const textOf = new Map<string, string>();
    const server = name % this.#clients.length;
    await consume(this.#watched(server, textOf), {
      ...{ queueName, batchSize: 5, leaseWait: '2s', signal },
      handler: ({ id, payload, leaseDeadline }) => {
        const text = decoder.decode(payload);
        textOf.set(id, text);
        this.#ledger.delivered(text, new Date(Number(leaseDeadline / 1_000n)));
      },
      onError: (error) => {
        // Those that are not as documented are complaints already.
        if (isShutdown(error) || error instanceof ConnectionLostError) this.absorbed++;
        else this.complaints.push({ call: 'consume', error });
      },
    });
  }

  /** The client of a server, with an eye on what a consumer asks of it. */
  #watched(server: number, textOf: ReadonlyMap<string, string>): Client {
    const client = this.#clients[server] as Client;
    /** Who asks before the shutdown begins gets an answer; who asks later may meet the closing of the listener. */
    const answered = async <T>(call: Promise<T>): Promise<T> => {
      const began = performance.now();
      try {
        return await call;
      } catch (error) {
        if (
          error instanceof ConnectionLostError &&
          began < (this.#stopsAt[server] ?? Number.POSITIVE_INFINITY)
        )
          this.complaints.push({ call: 'consume', error, sentAt: began });
        throw error;
      }
    };
    return {
      ...client,
      queue: {
        ...client.queue,
        lease: (request, options) => answered(client.queue.lease(request, options)),
        complete: async (request, options) => {
          const texts = (request.ids ?? []).map((id) => textOf.get(id) as string);
          try {
            const reply = await answered(client.queue.complete(request, options));
            for (const text of texts) this.#ledger.completedOne(text);
            return reply;
          } catch (error) {
            if (error instanceof ConnectionLostError)
              for (const text of texts) this.#ledger.perhapsCompletedOne(text);
            throw error;
          }
        },
      },
    };
  }

  #clientAt(position: number): Client {
    return this.#clients[position % this.#clients.length] as Client;
  }
}
