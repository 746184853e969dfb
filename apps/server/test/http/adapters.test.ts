import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Caller, QueueError, SystemClock } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { createService, type Service } from '@querator/engine';
import { codecs } from '@querator/protocol';
import { memoryBackend } from '@querator/storage-memory';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CallHeaders } from '../../src/http/call/call-headers.ts';
import { OpenGate } from '../../src/http/call/open-gate.ts';
import { createHttpServer } from '../../src/http/node/http-server.ts';
import { type HttpFixture, httpFixture } from '../support/http-fixture.ts';

/** One service behind both adapters: node:http as the server runs, and the application's own `fetch`. */
let service: Service;
let http: HttpFixture;
let server: Server;
let checks: number;

/** `Bearer slow-...` takes a turn of the event loop, and `...-no` is refused. */
class SlowGate extends OpenGate {
  override authenticate({ authorization }: CallHeaders): Caller | Promise<Caller> {
    checks++;
    const caller = super.authenticate({ authorization });
    const refused = new QueueError('unauthenticated', 'api key is invalid');
    if (authorization === 'Bearer no') throw refused;
    if (!authorization?.startsWith('Bearer slow')) return caller;
    return new Promise((resolve, reject) => {
      setImmediate(() => (authorization.endsWith('-no') ? reject(refused) : resolve(caller)));
    });
  }
}

beforeEach(async () => {
  const clock = new SystemClock();
  const random = new SeededRandom();
  const backend = memoryBackend({ name: 'memory', clock, random });
  const storages = [{ backend, affinity: 1 }];
  service = createService({ clock, random, queueStore: backend.queueStore(), storages });
  http = httpFixture(service, clock, { gate: new SlowGate() });
  server = createHttpServer(http);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  for (const queueName of ['q', 'r']) {
    await service.queues.create({
      queueName,
      namespace: '',
      leaseTimeout: '1m',
      expireTimeout: '1h',
      reference: '',
      deadQueue: '',
      maxAttempts: 0,
      requestedPartitions: 1,
    });
  }
  checks = 0;
});

afterEach(async () => {
  await service.shutdown();
  server.close();
  server.closeAllConnections();
});

interface Request {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Sends the body without its length. */
  readonly chunked?: boolean;
}

const INFO = '/v1/queues.info';
const PRODUCE = '/v1/queue.produce';
const PROTOBUF = { 'Content-Type': 'application/protobuf', Accept: 'application/protobuf' };
const infoOfQ = Buffer.from(
  codecs.QueuesInfoRequest.encode(codecs.QueuesInfoRequest.create({ queueName: 'q' })),
);
const produce = '{"queue_name":"q","request_timeout":"1m","items":[{"utf8":"a"}]}';

const REQUESTS: readonly [name: string, request: Request, status: number][] = [
  ['a call', {}, 200],
  ['protobuf both ways', { headers: PROTOBUF, body: infoOfQ }, 200],
  ['protobuf in, JSON out', { headers: { ...PROTOBUF, Accept: 'application/json' }, body: infoOfQ }, 200],
  ['a plain success in JSON', { path: PRODUCE, body: produce }, 200],
  [
    'a plain success in protobuf',
    { path: PRODUCE, headers: { Accept: PROTOBUF.Accept }, body: produce },
    200,
  ],
  ['a reply with a header of its own', { path: '/v1/queues.list', body: '{"limit":1}' }, 200],
  ['a query string', { path: `${INFO}?x=1` }, 200],
  ['a body without its length', { chunked: true }, 200],
  ['no such queue', { body: '{"queue_name":"none"}' }, 400],
  ['no JSON', { body: '{"queue_name":' }, 455],
  ['no protobuf', { headers: PROTOBUF, body: Buffer.from([0xff, 0xff]) }, 455],
  ['an empty body', { body: '' }, 455],
  ['an unknown Content-Type', { headers: { 'Content-Type': 'text/html' } }, 455],
  ['an unknown Accept', { headers: { Accept: 'text/html' } }, 455],
  ['a body that is too long', { body: ' '.repeat(300_000) }, 400],
  ['a body that is too long, without its length', { body: ' '.repeat(300_000), chunked: true }, 400],
  [
    'too long a body of an unknown type',
    { headers: { 'Content-Type': 'x' }, body: ' '.repeat(300_000) },
    400,
  ],
  ['an unknown path', { path: '/v1/none' }, 501],
  ['an unknown path, asked for protobuf', { path: '/v1/none', headers: PROTOBUF }, 501],
  ['a path that ends with a slash', { path: `${INFO}/` }, 501],
  ['POST to a path that is no call', { path: '/health' }, 501],
  ['another method', { method: 'PUT' }, 400],
  ['GET of a call', { method: 'GET' }, 400],
  ['HEAD of the health check', { method: 'HEAD', path: '/health' }, 200],
  ['HEAD of an unknown path', { method: 'HEAD', path: '/none' }, 400],
  ['a compressed body', { headers: { 'Content-Encoding': 'gzip' } }, 455],
  ['a body that is not compressed, by its header', { headers: { 'Content-Encoding': 'Identity' } }, 200],
  [
    'a compressed body of an unknown type',
    { headers: { 'Content-Encoding': 'br', 'Content-Type': 'text/html' } },
    455,
  ],
  ['JSON after a byte order mark', { body: '\ufeff{"queue_name":"q"}' }, 200],
  ['a page of another site', { headers: { 'Sec-Fetch-Site': 'cross-site' } }, 403],
  [
    'a page of another origin, asked for protobuf',
    { headers: { ...PROTOBUF, Origin: 'http://a.example' } },
    403,
  ],
  ['a good key', { headers: { Authorization: 'Bearer yes' } }, 200],
  ['a good key that takes time', { headers: { Authorization: 'Bearer slow' } }, 200],
  [
    'a good key that takes time, and a bad path',
    { path: '/x', headers: { Authorization: 'Bearer slow' } },
    501,
  ],
  ['a key of a bad form', { headers: { Authorization: 'Basic x' } }, 401],
  ['a refused key', { headers: { Authorization: 'Bearer no' } }, 401],
  ['a key that is refused late', { headers: { Authorization: 'Bearer slow-no' } }, 401],
  ['a refused key, asked for protobuf', { headers: { ...PROTOBUF, Authorization: 'Bearer no' } }, 401],
  ['a refused key and an unknown path', { path: '/v1/none', headers: { Authorization: 'Bearer no' } }, 401],
  [
    'a refused key and an unknown Accept',
    { headers: { Authorization: 'Bearer no', Accept: 'text/html' } },
    401,
  ],
  ['a refused key and another method', { method: 'PUT', headers: { Authorization: 'Bearer no' } }, 400],
  [
    'a refused key and a long body',
    { headers: { Authorization: 'Bearer no' }, body: ' '.repeat(300_000) },
    401,
  ],
  ['an unknown Accept and a long body', { headers: { Accept: 'x' }, body: ' '.repeat(300_000) }, 455],
];

function initOf({
  method = 'POST',
  headers = {},
  body = '{"queue_name":"q"}',
  chunked,
}: Request): RequestInit {
  const init = { method, headers: { 'Content-Type': 'application/json', ...headers } };
  if (method === 'GET' || method === 'HEAD') return init;
  if (chunked !== true) return { ...init, body };
  return { ...init, body: new Blob([body]).stream(), duplex: 'half' };
}

/** Headers of the connection, not of the answer. */
const OF_CONNECTION = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding']);

async function readAll(response: Response) {
  const headers = [...response.headers].filter(([name]) => !OF_CONNECTION.has(name)).sort();
  const body = Buffer.from(await response.arrayBuffer()).toString('latin1');
  return { status: response.status, headers, body };
}

/** How often each code was counted for each path. */
async function counted(): Promise<string[]> {
  const { text } = await http.metrics.exposition();
  return text.split('\n').filter((line) => line.startsWith('querator_http_replies_total{'));
}

describe('both adapters give the same answer to', () => {
  test.each(REQUESTS)('%s', async (_, request, status) => {
    const path = request.path ?? INFO;
    const inProcess = await readAll(
      await http.app.fetch(new Request(`http://in.process${path}`, initOf(request)), {}),
    );
    const countedInProcess = await counted();
    const checksInProcess = checks;
    const { port } = server.address() as AddressInfo;
    const overNode = await readAll(await fetch(`http://127.0.0.1:${port}${path}`, initOf(request)));
    expect(inProcess.status).toBe(status);
    // Node sends no body after HEAD.
    expect(overNode).toEqual(request.method === 'HEAD' ? { ...inProcess, body: '' } : inProcess);
    // Each request is counted once and authenticated once, also where one adapter hands it to the other.
    expect(await counted()).toEqual(countedInProcess.map((line) => line.replace(/ 1$/, ' 2')));
    expect(checks).toBe(2 * checksInProcess);
  });
});
