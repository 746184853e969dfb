import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { createService, type Service } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import { createHttpServer } from '../../src/http/node/http-server.ts';
import { type HttpFixture, type HttpFixtureOptions, httpFixture } from './http-fixture.ts';
import { RawConnection } from './raw-connection.ts';

export const PRODUCE = '/v1/queue.produce';
export const LEASE = '/v1/queue.lease';

/** A server on a free port, with a manual clock, for tests that count bytes and sockets. */
export class SocketFixture {
  readonly clock = new ManualClock();
  readonly storage: FaultyStorage;
  readonly service: Service;
  readonly http: HttpFixture;
  /** The server's ends of all connections, in order. */
  readonly sockets: Socket[] = [];
  readonly #server: Server;
  readonly #clients: RawConnection[] = [];

  constructor(options: HttpFixtureOptions = {}) {
    const random = new SeededRandom();
    this.storage = new FaultyStorage(memoryBackend({ name: 'memory', clock: this.clock, random }));
    this.service = createService({
      clock: this.clock,
      random,
      queueStore: this.storage.queueStore(),
      storages: [{ backend: this.storage, affinity: 1 }],
      itemBudget: options.budget?.itemBudget,
    });
    this.http = httpFixture(this.service, this.clock, options);
    this.#server = createHttpServer(this.http);
    this.#server.on('connection', (socket: Socket) => this.sockets.push(socket));
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  async stop(): Promise<void> {
    for (const { socket } of this.#clients) socket.destroy();
    await this.service.shutdown();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async createQueue(queueName: string): Promise<void> {
    await this.service.queues.create({
      queueName,
      namespace: '',
      leaseTimeout: '1m',
      expireTimeout: '24h',
      deadQueue: '',
      maxAttempts: 0,
      reference: '',
      requestedPartitions: 1,
    });
    await this.service.queue.stats(queueName);
  }

  /** A connection that the server has accepted. */
  async connect(options?: { readonly reads: boolean }): Promise<RawConnection> {
    const accepted = once(this.#server, 'connection');
    const client = await RawConnection.open((this.#server.address() as AddressInfo).port, options);
    await accepted;
    this.#clients.push(client);
    return client;
  }

  /** A connection that the server closes at once. */
  async connectDropped(): Promise<RawConnection> {
    const dropped = once(this.#server, 'drop');
    const client = await RawConnection.open((this.#server.address() as AddressInfo).port);
    this.#clients.push(client);
    await dropped;
    return client;
  }

  /** A connection on which a consumer waits for items. */
  async waitingConsumer(queue: string, name: string): Promise<RawConnection> {
    const client = await this.connect();
    client.call(LEASE, leaseOf(queue, name));
    return client;
  }
}

export function leaseOf(queue_name: string, client_id: string) {
  return { queue_name, client_id, batch_size: 1, request_timeout: '15m' };
}

export function produceOf(queue_name: string, utf8: string, request_timeout = '1m') {
  return { queue_name, request_timeout, items: [{ utf8 }] };
}
