import { type Client, ConnectError, ConnectionLostError, consume, createClient } from '@querator/client';
import { QueueError } from '@querator/core';
import { Ledger } from '@querator/tooling-load';

const decoder = new TextDecoder();

/** A request that failed in a way that the documented client does not handle. */
export interface Complaint {
  readonly call: 'produce' | 'consume';
  readonly error: unknown;
  /** When it was sent, on the monotonic clock. */
  readonly sentAt?: number;
}

/** How a shutdown looks to a client: the two documented errors, or no listener. */
function isShutdown(error: unknown): boolean {
  return error instanceof ConnectError || (error instanceof QueueError && error.code === 'failed');
}

/**
 * Producers and consumers on several servers, written as the client's README
 * says. After the error of a shutdown or of a refused connection they use the
 * next server. Any other error is a complaint.
 */
export class ClientLoad {
  readonly ledger = new Ledger();
  readonly complaints: Complaint[] = [];
  /** The number of replies from servers that were shutting down. */
  absorbed = 0;
  readonly #clients: readonly Client[];
  readonly #stopConsumers = new AbortController();
  readonly #running: Promise<void>[] = [];
  /** The start of the last shutdown of each server. */
  readonly #stopsAt: number[] = [];
  #producing = true;

  constructor(urls: readonly string[]) {
    this.#clients = urls.map((endpoint) => createClient({ endpoint }));
  }

  /** Starts producers and consumers, each at another server. */
  start(queueName: string, count: number): void {
    for (let n = 0; n < count; n++)
      this.#running.push(this.#produce(queueName, n), this.#consume(queueName, n));
  }

  /** Starts consumers of an empty queue, which wait all the time. */
  startIdle(queueName: string, count: number): void {
    for (let n = 0; n < count; n++) this.#running.push(this.#consume(queueName, n));
  }

  /** Notes the start of a shutdown. Call it before stopping a server. */
  stops(server: number): void {
    this.#stopsAt[server] = performance.now();
  }

  /** Stops the producers, waits until all items are consumed, and stops the consumers. */
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
      this.ledger.expect(text);
      for (let isStored = false; !isStored; ) {
        const sentAt = performance.now();
        try {
          const items = [{ utf8: text }];
          await this.#clientAt(at).queue.produce({ queueName, requestTimeout: '10s', items });
          this.ledger.produced(text, 'acknowledged');
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

  /** The client's loop survives a restart of its server. A consumer with a choice uses another server. */
  async #consume(queueName: string, name: number): Promise<void> {
    const { signal } = this.#stopConsumers;
    const textOf = new Map<string, string>();
    const server = name % this.#clients.length;
    await consume(this.#watched(server, textOf), {
      ...{ queueName, batchSize: 5, leaseWait: '2s', signal },
      handler: ({ id, payload, leaseDeadline }) => {
        const text = decoder.decode(payload);
        textOf.set(id, text);
        this.ledger.delivered({ id, name: text, deadline: Number(leaseDeadline / 1_000n) });
      },
      onError: (error) => {
        // Undocumented errors are complaints already.
        if (isShutdown(error) || error instanceof ConnectionLostError) this.absorbed++;
        else this.complaints.push({ call: 'consume', error });
      },
    });
  }

  /** The client of a server, which checks the requests of a consumer. */
  #watched(server: number, textOf: ReadonlyMap<string, string>): Client {
    const client = this.#clients[server] as Client;
    /** A request before the start of a shutdown gets a reply. A later one may find the listener closed. */
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
    const completing = async <T>(
      ids: readonly string[],
      call: Promise<T>,
      isDone: (id: string, reply: T) => boolean,
    ) => {
      const text = (id: string) => textOf.get(id) as string;
      try {
        const reply = await answered(call);
        for (const id of ids) if (isDone(id, reply)) this.ledger.completed(text(id), 'yes');
        return reply;
      } catch (error) {
        if (error instanceof ConnectionLostError)
          for (const id of ids) this.ledger.completed(text(id), 'perhaps');
        throw error;
      }
    };
    return {
      ...client,
      queue: {
        ...client.queue,
        lease: (request, options) => answered(client.queue.lease(request, options)),
        complete: (request, options) =>
          completing(request.ids ?? [], client.queue.complete(request, options), () => true),
      },
      v2: {
        ...client.v2,
        queue: {
          ...client.v2.queue,
          complete: (request, options) =>
            completing(request.ids ?? [], client.v2.queue.complete(request, options), (id, { items }) =>
              items.some((item) => item.id === id && item.code === ''),
            ),
        },
      },
    };
  }

  #clientAt(position: number): Client {
    return this.#clients[position % this.#clients.length] as Client;
  }
}
