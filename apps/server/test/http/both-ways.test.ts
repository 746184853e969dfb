import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { SystemClock } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { createService, type Service } from '@querator/engine';
import { codecs } from '@querator/protocol';
import { memoryBackend } from '@querator/storage-memory';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHttpServer } from '../../src/http/node/http-server.ts';
import { httpFixture } from '../support/http-fixture.ts';

/** The server as it runs, and Hono alone, on one service. Their replies must not differ in a byte. */
let service: Service;
let asItRuns: Server;
let honoAlone: Server;

beforeAll(async () => {
  const clock = new SystemClock();
  const random = new SeededRandom();
  const backend = memoryBackend({ name: 'memory', clock, random });
  const storages = [{ backend, affinity: 1 }];
  service = createService({ clock, random, queueStore: backend.queueStore(), storages });
  const http = httpFixture(service, clock);
  asItRuns = createHttpServer(http);
  honoAlone = createAdaptorServer({ fetch: http.app.fetch }) as Server;
  for (const server of [asItRuns, honoAlone]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  await service.queues.create({
    ...{
      queueName: 'q',
      namespace: '',
      leaseTimeout: '1m',
      expireTimeout: '1h',
      reference: '',
      deadQueue: '',
    },
    ...{ maxAttempts: 0, requestedPartitions: 1 },
  });
});

afterAll(async () => {
  await service.shutdown();
  for (const server of [asItRuns, honoAlone]) server.close();
});

/** Sends bytes unchanged, piece by piece, and reads to the end of the connection. */
async function exchange(server: Server, ...pieces: readonly string[]): Promise<string> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.setNoDelay();
  for (const piece of pieces) {
    await new Promise((written) => socket.write(piece, 'latin1', written));
    // The server runs in this process: after a few turns it has read the piece.
    for (let turn = 0; turn < TURNS_TO_READ; turn++) await new Promise(setImmediate);
  }
  socket.end();
  let reply = '';
  for await (const chunk of socket.setEncoding('latin1')) reply += chunk;
  return reply;
}

const TURNS_TO_READ = 10;

interface Request {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const JSON_TYPE = { 'Content-Type': 'application/json' };

function bytesOf({ path = '/v1/queues.info', headers = JSON_TYPE, body = '{"queue_name":"q"}' }: Request) {
  const lines = Object.entries({ 'Content-Length': String(body.length), ...headers })
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${lines.join('')}\r\n${body}`;
}

const protobuf = {
  'Content-Type': 'application/protobuf',
  Accept: 'application/protobuf',
};
const infoOfQ = Buffer.from(
  codecs.QueuesInfoRequest.encode(codecs.QueuesInfoRequest.create({ queueName: 'q' })),
).toString('latin1');
const long = `{"queue_name":"q","request_timeout":"1m","items":[{"utf8":"${'a'.repeat(300_000)}"}]}`;
const produce = '{"queue_name":"q","request_timeout":"1m","items":[{"utf8":"a"}]}';

describe('a request is answered alike as the server runs and by Hono alone', () => {
  test.each<[string, Request]>([
    ['a call', {}],
    ['a plain success in JSON', { path: '/v1/queue.produce', body: produce }],
    [
      'a plain success in protobuf',
      {
        path: '/v1/queue.produce',
        headers: { ...JSON_TYPE, ...{ Accept: 'application/protobuf' } },
        body: produce,
      },
    ],
    ['protobuf both ways', { headers: protobuf, body: infoOfQ }],
    ['a query string', { path: '/v1/queues.info?x=1' }],
    ['no such queue', { body: '{"queue_name":"none"}' }],
    ['no JSON', { body: '{"queue_name":' }],
    ['no protobuf', { headers: protobuf, body: '\xff\xff' }],
    ['an empty body', { body: '' }],
    ['a type nobody knows', { headers: { 'Content-Type': 'text/html' } }],
    ['an answer nobody can write', { headers: { ...JSON_TYPE, Accept: 'text/html' } }],
    ['a bad authorization header', { headers: { ...JSON_TYPE, Authorization: 'Basic x' } }],
    ['a good authorization header', { headers: { ...JSON_TYPE, Authorization: 'Bearer x' } }],
    [
      'a body in chunks',
      {
        headers: { ...JSON_TYPE, 'Content-Length': '', 'Transfer-Encoding': 'chunked' },
        body: '12\r\n{"queue_name":"q"}\r\n0\r\n\r\n',
      },
    ],
    ['a body with two lengths', { headers: { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' } }],
    ['a body that is too long', { path: '/v1/queue.complete', body: ' '.repeat(1_100_000) }],
    ['no such method', { path: '/v1/none' }],
  ])('%s', async (_, request) => {
    const bytes = bytesOf(request);
    const alone = await exchange(honoAlone, bytes);
    expect(alone).toMatch(/^HTTP\/1.1 \d{3} /);
    expect(sortHeaders(await exchange(asItRuns, bytes))).toEqual(sortHeaders(alone));
  });
});

describe('bytes are answered alike, however they come', () => {
  const call = bytesOf({ path: '/v1/queue.produce', body: produce });
  const kept = bytesOf({}).replace('Connection: close\r\n', '');

  test.each<[string, readonly string[]]>([
    ['a head, and then the body', [call.slice(0, -produce.length), produce]],
    ['a body in three pieces', [call.slice(0, -40), call.slice(-40, -10), call.slice(-10)]],
    ['one byte at a time', [...bytesOf({})]],
    ['three requests in one piece', [kept + kept + bytesOf({})]],
    ['the end of one and the beginning of the next', [kept + call.slice(0, -20), call.slice(-20)]],
    ['a long body', [bytesOf({ path: '/v1/queue.produce', body: long })]],
  ])('%s', async (_, pieces) => {
    const alone = await exchange(honoAlone, ...pieces);
    const replies = alone.split(/(?=HTTP\/1\.1 )/);
    expect(replies.every((reply) => reply.startsWith('HTTP/1.1 200 OK'))).toBe(true);
    const asRun = (await exchange(asItRuns, ...pieces)).split(/(?=HTTP\/1\.1 )/);
    expect(asRun.map(sortHeaders)).toEqual(replies.map(sortHeaders));
  });

  test('a body that breaks off has no effect, and its connection ends', async () => {
    const before = await waiting();
    for (const server of [asItRuns, honoAlone]) {
      const reply = await exchange(server, call.slice(0, -10));
      expect(reply).not.toContain('200 OK');
    }
    expect(await exchange(asItRuns, call)).toContain('200 OK');
    expect(await waiting()).toBe(before + 1);
  });
});

async function waiting(): Promise<number> {
  const { partitions } = await service.queue.stats('q');
  return partitions.reduce((sum, partition) => sum + partition.waiting, 0);
}

/** Sorts the headers: their order and the case of their names mean nothing. */
function sortHeaders(reply: string) {
  const [head = '', body = ''] = reply.replace(/^Date: .*\r\n/im, '').split('\r\n\r\n', 2);
  const [status, ...headers] = head.split('\r\n');
  return { status, headers: headers.map((header) => header.toLowerCase()).sort(), body };
}
