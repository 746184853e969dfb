import { type Client, ConnectError, ConnectionLostError, consume, createClient } from '@querator/client';
import { QueueError } from '@querator/core';
import type { Ledger } from './ledger.ts';

const decoder = new TextDecoder();

/** A request that failed in a way that the documented client behaviour does not absorb. */
export interface Complaint {
  readonly call: 'produce' | 'consume';
  readonly error: unknown;
  /** When a produce was sent, on the monotonic clock. */
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
    await consume(this.#clientAt(name), {
      ...{ queueName, batchSize: 5, leaseWait: '2s', signal },
      handler: ({ payload }) => this.#ledger.delivered(decoder.decode(payload), new Date()),
      // A consumer of one server asks it again while it restarts, and may meet the closing of its listener.
      onError: (error) => {
        if (isShutdown(error) || error instanceof ConnectionLostError) this.absorbed++;
        else this.complaints.push({ call: 'consume', error });
      },
    });
  }

  #clientAt(position: number): Client {
    return this.#clients[position % this.#clients.length] as Client;
  }
}
