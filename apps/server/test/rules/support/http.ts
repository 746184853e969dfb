import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Endpoint,
  endpointsV2,
  MEDIA_TYPES,
  queueEndpoints,
  queuesEndpoints,
  storageEndpoints,
} from '@querator/protocol';
import { createHttpServer } from '../../../src/http/node/http-server.ts';
import { httpFixture } from '../../support/http-fixture.ts';
import type { ServiceFixture } from './service-fixture.ts';

/** Every rule holds in each of these encodings. */
export const ENCODINGS = ['json', 'protobuf'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** A reply, decoded from the requested encoding. */
export interface HttpReply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const ENDPOINTS = new Map<string, Endpoint<unknown, unknown>>(
  [queueEndpoints, queuesEndpoints, storageEndpoints, ...Object.values(endpointsV2)]
    .flatMap((table): unknown[] => Object.values(table))
    .map((endpoint) => endpoint as Endpoint<unknown, unknown>)
    .map((endpoint) => [endpoint.path, endpoint]),
);

/** The HTTP side of a server around a fixture's service, on its own port. */
export class HttpFront {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(fixture: ServiceFixture): Promise<HttpFront> {
    const server = createHttpServer(httpFixture(fixture.service, fixture.clock));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new HttpFront(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Sends a message, given in JSON, in one of the encodings, and requests the reply in the same. */
  send(path: string, message: object, encoding: Encoding): Promise<HttpReply> {
    const json = Buffer.from(JSON.stringify(message));
    if (encoding === 'json') return this.post(path, json, encoding);
    const { request } = endpointOf(path);
    return this.post(path, request.encode(request.fromJson(json)), encoding);
  }

  /** Sends a body unchanged. */
  async post(
    path: string,
    body: Uint8Array | string,
    encoding: Encoding,
    signal?: AbortSignal,
  ): Promise<HttpReply> {
    const reply = await fetch(this.url + path, {
      method: 'POST',
      headers: { 'Content-Type': MEDIA_TYPES[encoding], Accept: MEDIA_TYPES[encoding] },
      body: body as Uint8Array<ArrayBuffer> | string,
      ...(signal === undefined ? {} : { signal }),
    });
    const bytes = new Uint8Array(await reply.arrayBuffer());
    const codec = reply.status === 200 ? endpointOf(path).response : queueEndpoints.produce.response;
    const message = encoding === 'json' ? codec.fromJson(bytes) : codec.decode(bytes);
    return { status: reply.status, body: message as HttpReply['body'] };
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

function endpointOf(path: string): Endpoint<unknown, unknown> {
  const endpoint = ENDPOINTS.get(path);
  if (endpoint === undefined) throw new Error(`no endpoint has the path ${path}`);
  return endpoint;
}
