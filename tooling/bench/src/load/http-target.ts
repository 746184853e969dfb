import { codecs, endpointsV2, queueEndpoints, type WireFormat } from '@querator/protocol';
import { CompleteRequests } from '../http/complete-request.ts';
import { Connection } from '../http/connection.ts';
import { KEY_PLACE, KeyedRequests } from '../http/keyed-requests.ts';
import { scanLease } from '../http/lease-scan.ts';
import { callBytes, refusal, requestBytes } from '../http/request-bytes.ts';
import type { HttpReply } from '../http/response-parser.ts';
import type { Held, Target } from '../workload/work.ts';

/** The server of a load, and how the load calls it. */
export interface HttpTargetOptions {
  readonly port: number;
  readonly queue: string;
  readonly format: WireFormat;
  readonly batch: number;
  readonly payloadBytes: number;
  /** Connections, one per client. */
  readonly clients: number;
  /** The path of a bare request, and of a produce where it is not the server's. */
  readonly barePath?: string | undefined;
  /** In JSON: payloads as text (`utf8`) or as base64 (`bytes`). */
  readonly payloadField?: 'bytes' | 'utf8' | undefined;
  /** Whether each produce request has a dedup key of its own. */
  readonly dedup?: boolean | undefined;
  /** The key of produce requests. Undefined: there is none. */
  readonly apiKey?: string | undefined;
  /** How long a lease waits for items; a second by default. */
  readonly leaseTimeout?: string | undefined;
}

/** Leased items over HTTP. The request that completes them is written on demand. */
export interface HttpHeld extends Held {
  completion(): Buffer;
}

/** The status of a lease without items. */
const NOTHING_CAME = 454;
const LEASE_TIMEOUT = '1s';
const PAYLOAD_BYTE = 97;

/**
 * A server over HTTP. The load must cost less than the server that it measures. So it
 * writes to sockets itself, encodes requests before the measurement as far as possible,
 * and keeps no ledger.
 */
export class HttpTarget implements Target<HttpHeld> {
  readonly #options: HttpTargetOptions;
  readonly #connections: readonly Connection[];
  readonly #completes: CompleteRequests;
  readonly #produce: Buffer;
  /** Undefined: requests have no dedup keys. */
  readonly #keyed: KeyedRequests | undefined;
  readonly #leases: readonly Buffer[];
  readonly #bare: Buffer;

  private constructor(options: HttpTargetOptions, connections: readonly Connection[]) {
    this.#options = options;
    this.#connections = connections;
    this.#completes = new CompleteRequests(options.queue);
    const { queue: queueName, format } = options;
    this.#produce = callBytes(queueEndpoints.produce, format, produceMessage(options), options.apiKey);
    this.#keyed = options.dedup === true ? keyedRequests(options) : undefined;
    this.#leases = connections.map((_, client) =>
      callBytes(queueEndpoints.lease, format, {
        ...{ queueName, batchSize: options.batch },
        ...{ clientId: `bench-${client}`, requestTimeout: options.leaseTimeout ?? LEASE_TIMEOUT },
      }),
    );
    this.#bare = bareRequest(options);
  }

  static async open(options: HttpTargetOptions): Promise<HttpTarget> {
    const opening = Array.from({ length: options.clients }, () => Connection.open(options.port));
    return new HttpTarget(options, await Promise.all(opening));
  }

  async produce(client: number): Promise<void> {
    this.#expect(await this.#send(client, this.#keyed?.next(client) ?? this.#produce));
  }

  async lease(client: number): Promise<HttpHeld | undefined> {
    const reply = await this.#send(client, this.#leases[client] as Buffer);
    if (reply.status === NOTHING_CAME) return undefined;
    this.#expect(reply);
    if (this.#options.format === 'json') return this.#heldFromJson(reply.body);
    const scan = scanLease(reply.body);
    return { count: scan.idStarts.length, completion: () => this.#completes.of(reply.body, scan) };
  }

  async complete(client: number, held: HttpHeld): Promise<void> {
    this.#expect(await this.#send(client, held.completion()));
  }

  hold(partition: number, ids: readonly string[]): HttpHeld {
    const { queue: queueName, format } = this.#options;
    const bytes = callBytes(queueEndpoints.complete, format, {
      ...{ queueName, partition, requestTimeout: '1m', ids: [...ids] },
    });
    return { count: ids.length, completion: () => bytes };
  }

  async bare(client: number): Promise<void> {
    const { status } = await this.#send(client, this.#bare);
    if (status !== 200) throw new Error(`a bare request was answered with ${status}`);
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  #send(client: number, bytes: Buffer): Promise<HttpReply> {
    return (this.#connections[client] as Connection).request(bytes);
  }

  #expect({ status, body }: HttpReply): void {
    if (status === 200) return;
    throw new Error(`${this.#options.queue}: ${status} ${refusal(this.#options.format, body)}`);
  }

  #heldFromJson(body: Buffer): HttpHeld {
    const { partition = 0, items } = JSON.parse(body.toString('latin1')) as {
      readonly partition?: number;
      readonly items: readonly { readonly id: string }[];
    };
    const ids = items.map(({ id }) => id);
    return { count: ids.length, completion: () => this.hold(partition, ids).completion() };
  }
}

function produceMessage({ queue, batch, payloadBytes, format, payloadField = 'bytes' }: HttpTargetOptions) {
  const payload =
    format === 'json' && payloadField === 'utf8'
      ? { utf8: 'a'.repeat(payloadBytes) }
      : { bytes: Buffer.alloc(payloadBytes, PAYLOAD_BYTE) };
  return codecs.QueueProduceRequest.create({
    ...{ queueName: queue, requestTimeout: '1m' },
    items: Array.from({ length: batch }, () => payload),
  });
}

/** Produce requests, each with a dedup key that no other has. */
function keyedRequests(options: HttpTargetOptions): KeyedRequests {
  const message = endpointsV2.queue.produce.request.create({
    ...produceMessage(options),
    dedupKey: KEY_PLACE,
  });
  return new KeyedRequests(callBytes(endpointsV2.queue.produce, options.format, message, options.apiKey));
}

/** The bytes of a produce, for a route that ignores them. */
function bareRequest(options: HttpTargetOptions): Buffer {
  const body = codecs.QueueProduceRequest.encode(produceMessage({ ...options, format: 'protobuf' }));
  return requestBytes(options.barePath ?? '/', 'protobuf', body);
}
