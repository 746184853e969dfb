import { Agent, request } from 'node:http';
import { codecs, type Endpoint, queueEndpoints, queuesEndpoints } from '@querator/protocol';
import { measure } from './rate.ts';
import type { Load, Rates } from './raw-ceiling.ts';

/** Speaks to a server as its clients do, over as many connections as are asked for at a time. */
export class HttpLoad {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Creates the queue a measurement runs on. */
  async createQueue(queueName: string): Promise<void> {
    const settings = { queueName, leaseTimeout: '1h', expireTimeout: '24h', requestedPartitions: 1 };
    await this.#call(queuesEndpoints.create, codecs.QueueInfo.create(settings));
  }

  /** Produces for a while, then leases and completes what was produced, each measured by itself. */
  async rates(queueName: string, load: Load): Promise<Rates> {
    const produceRequest = codecs.QueueProduceRequest.create({
      queueName,
      requestTimeout: '1m',
      items: Array.from({ length: load.batch }, () => ({ bytes: Buffer.alloc(load.payloadBytes, 97) })),
    });
    const produce = await measure(load.clients, load.durationMs, () => async () => {
      await this.#call(queueEndpoints.produce, produceRequest);
      return load.batch;
    });

    const leased: string[][] = [];
    let left = produce.items;
    const lease = await measure(load.clients, load.durationMs, (client) => async () => {
      if (left <= 0) return 0;
      const reply = await this.#call(
        queueEndpoints.lease,
        codecs.QueueLeaseRequest.create({
          queueName,
          clientId: `bench-${client}`,
          batchSize: load.batch,
          requestTimeout: '1s',
        }),
      );
      left -= reply.items.length;
      if (reply.items.length > 0) leased.push(reply.items.map(({ id }) => id));
      return reply.items.length;
    });

    const complete = await measure(load.clients, load.durationMs, () => async () => {
      const ids = leased.pop();
      if (ids === undefined) return 0;
      await this.#call(
        queueEndpoints.complete,
        codecs.QueueCompleteRequest.create({ queueName, requestTimeout: '1m', ids }),
      );
      return ids.length;
    });
    return { produce, lease, complete };
  }

  close(): void {
    this.#agent.destroy();
  }

  #call<Request, Response>(endpoint: Endpoint<Request, Response>, message: Request): Promise<Response> {
    const body = endpoint.request.encode(message);
    const headers = {
      'Content-Type': 'application/protobuf',
      Accept: 'application/protobuf',
      'Content-Length': body.length,
    };
    return new Promise((resolve, reject) => {
      const call = request(
        this.#url + endpoint.path,
        { method: 'POST', agent: this.#agent, headers },
        (reply) => {
          const chunks: Buffer[] = [];
          reply.on('data', (chunk: Buffer) => chunks.push(chunk));
          reply.on('end', () => {
            const answer = Buffer.concat(chunks);
            if (reply.statusCode === 200) resolve(endpoint.response.decode(answer));
            // Nothing left to lease: an answer like any other here.
            else if (reply.statusCode === 454 && endpoint.path === queueEndpoints.lease.path) {
              resolve(endpoint.response.create());
            } else reject(new Error(`${endpoint.path}: ${codecs.Reply.decode(answer).message}`));
          });
          reply.on('error', reject);
        },
      );
      call.on('error', reject);
      call.end(body);
    });
  }
}
