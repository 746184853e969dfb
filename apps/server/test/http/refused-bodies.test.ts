import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { TRUSTED_CALLER } from '@querator/access';
import { type Caller, QueueError, SystemClock } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { createService, type Service } from '@querator/engine';
import { BODY_LIMITS } from '@querator/protocol';
import { memoryBackend } from '@querator/storage-memory';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CallHeaders } from '../../src/http/call/call-headers.ts';
import { OpenGate } from '../../src/http/call/open-gate.ts';
import { createHttpServer } from '../../src/http/node/http-server.ts';
import { httpFixture } from '../support/http-fixture.ts';

let service: Service;
let server: Server;
/** The server's end of the last connection. */
let served: Socket;

beforeEach(async () => {
  const clock = new SystemClock();
  const random = new SeededRandom();
  const backend = memoryBackend({ name: 'memory', clock, random });
  const storages = [{ backend, affinity: 1 }];
  service = createService({ clock, random, queueStore: backend.queueStore(), storages });
  server = createHttpServer(httpFixture(service, clock, { gate: new LateGate() }));
  server.on('connection', (socket: Socket) => {
    served = socket;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  await service.shutdown();
  server.close();
  server.closeAllConnections();
});

/** `Bearer late` and `Bearer late-no` take a turn of the event loop. */
class LateGate extends OpenGate {
  override authenticate({ authorization }: CallHeaders): Caller | Promise<Caller> {
    const refused = new QueueError('unauthenticated', 'api key is invalid');
    if (authorization === 'Bearer no') throw refused;
    if (!authorization?.startsWith('Bearer late')) return super.authenticate({ authorization });
    return new Promise((resolve, reject) => {
      setImmediate(() => (authorization === 'Bearer late-no' ? reject(refused) : resolve(TRUSTED_CALLER)));
    });
  }
}

/** A client that sends bytes as they are. */
class RawClient {
  readonly socket: Socket;
  received = '';
  error: Error | undefined;

  constructor() {
    this.socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    this.socket.setEncoding('latin1').on('data', (text) => {
      this.received += text;
    });
    this.socket.on('error', (error) => {
      this.error = error;
    });
  }

  async send(bytes: string | Buffer): Promise<void> {
    await new Promise<unknown>((written) => this.socket.write(bytes, written));
  }

  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.received)) await once(this.socket, 'data');
  }

  /** Waits until the server has closed the connection. */
  async ended(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, 'close');
  }

  /** The status lines so far. */
  get statuses(): readonly number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }
}

const LIST = '/v1/queues.list';

function head(path: string, ...lines: readonly string[]): string {
  return `${[`POST ${path} HTTP/1.1`, 'Host: localhost', ...lines].join('\r\n')}\r\n\r\n`;
}

const small = head(LIST, 'Content-Length: 2');
const tooLong = BODY_LIMITS.other + 1;

describe('Expect: 100-continue', () => {
  test.each([
    ['a call', head(LIST, 'Expect: 100-continue', 'Content-Length: 2'), '{}'],
    [
      'a call in chunks',
      head(LIST, 'Expect: 100-continue', 'Transfer-Encoding: chunked'),
      '2\r\n{}\r\n0\r\n\r\n',
    ],
    [
      'a call whose key takes time',
      head(LIST, 'Authorization: Bearer late', 'Expect: 100-Continue', 'Content-Length: 2'),
      '{}',
    ],
  ])('%s is told to go on, and the connection serves the next call', async (_, request, body) => {
    const client = new RawClient();
    await client.send(request);
    await client.until(/100 Continue\r\n\r\n$/);
    await client.send(body);
    await client.until(/\r\n\r\n\{\}$/);
    await client.send(`${small}{}`);
    await client.until(/\{\}HTTP[\s\S]*\{\}$/);
    expect(client.statuses).toEqual([100, 200, 200]);
    client.socket.destroy();
  });

  const refused: [string, string, readonly string[], number][] = [
    ['too long a body', LIST, [`Content-Length: ${tooLong}`], 400],
    ['an unknown path', '/v1/none', ['Content-Length: 2'], 501],
    ['a refused key', LIST, ['Authorization: Bearer no', 'Content-Length: 2'], 401],
    ['a key that is refused late', LIST, ['Authorization: Bearer late-no', 'Content-Length: 2'], 401],
    ['a page of another site', LIST, ['Sec-Fetch-Site: cross-site', 'Content-Length: 2'], 403],
    ['an Accept that nobody can meet', LIST, ['Accept: text/html', 'Content-Length: 2'], 455],
    ['a compressed body', LIST, ['Content-Encoding: gzip', 'Content-Length: 2'], 455],
    ['an unknown path, in chunks', '/v1/none', ['Transfer-Encoding: chunked'], 501],
  ];
  test.each(refused)('%s is refused by its headers alone', async (_, path, lines, status) => {
    const client = new RawClient();
    await client.send(head(path, 'Expect: 100-continue', ...lines));
    await client.until(/\}$/);
    expect(client.statuses).toEqual([status]);
    expect(client.received).toContain('Connection: close');
    expect(client.received).toContain(`{"code":${status},`);
    client.socket.end();
    await client.ended();
    expect(client.error).toBeUndefined();
  });

  test('a client that has begun to send may finish, then the connection closes in order', async () => {
    const client = new RawClient();
    await client.send(head(LIST, 'Expect: 100-continue', `Content-Length: ${tooLong}`));
    await client.until(/\}$/);
    for (let sent = 0; sent < tooLong; ) {
      const piece = Buffer.alloc(Math.min(64_000, tooLong - sent));
      await client.send(piece);
      sent += piece.length;
    }
    await client.ended();
    expect(client.statuses).toEqual([400]);
    expect(client.error).toBeUndefined();
  });

  test('a client that then sends nothing and stays is cut off', async () => {
    const client = new RawClient();
    await client.send(head(LIST, 'Expect: 100-continue', `Content-Length: ${tooLong}`));
    await client.until(/\}$/);
    expect(served.timeout).toBe(5_000);
    served.emit('timeout');
    await client.ended();
  });

  test('another expectation is refused in words', async () => {
    const client = new RawClient();
    await client.send(head(LIST, 'Expect: 200-ok', 'Content-Length: 2', 'Connection: close'));
    await client.send('{}');
    await client.ended();
    expect(client.statuses).toEqual([400]);
    expect(client.received).toContain("Expect header '200-ok' is not supported; only 100-continue is");
  });
});

describe('a body that is sent although it is refused', () => {
  const long = ' '.repeat(2_000_000);
  const chunk = ' '.repeat(64_000);
  const chunks = `${`${chunk.length.toString(16)}\r\n${chunk}\r\n`.repeat(30)}0\r\n\r\n`;

  test.each([
    ['too long', head(LIST, `Content-Length: ${long.length}`), long, 400],
    ['too long, in chunks', head(LIST, 'Transfer-Encoding: chunked'), chunks, 400],
    ['of an unknown path', head('/v1/none', `Content-Length: ${long.length}`), long, 501],
    ['of an unknown path, in chunks', head('/v1/none', 'Transfer-Encoding: chunked'), chunks, 501],
    ['of another method', head(LIST, 'Content-Length: 0').replace('POST', 'PUT'), '', 400],
    ['of another site', head(LIST, 'Origin: null', `Content-Length: ${long.length}`), long, 403],
    [
      'with a key that is refused late',
      head(LIST, 'Authorization: Bearer late-no', `Content-Length: ${long.length}`),
      long,
      401,
    ],
  ])('%s: the reply comes, and the connection serves the next call', async (_, request, body, status) => {
    const client = new RawClient();
    await client.send(request);
    await client.send(body);
    await client.until(/"code":/);
    await client.send(`${small}{}`);
    await client.until(/\r\n\r\n\{\}$/);
    expect(client.statuses).toEqual([status, 200]);
    client.socket.destroy();
  });

  test('the client still gets the reply where the connection is to close', async () => {
    const client = new RawClient();
    await client.send(head(LIST, 'Connection: close', `Content-Length: ${long.length}`));
    await client.until(/\}$/);
    await client.send(long);
    await client.ended();
    expect(client.statuses).toEqual([400]);
    expect(client.error).toBeUndefined();
  });

  test.each([
    ['announced', head('/v1/none', `Content-Length: ${10 * BODY_LIMITS.import}`)],
    ['in chunks', head('/v1/none', 'Transfer-Encoding: chunked')],
  ])('no more is read than the longest body that any call takes, %s', async (_, request) => {
    const client = new RawClient();
    await client.send(request);
    const piece = Buffer.alloc(8_000_000, ' ');
    const sent = [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')];
    for (let bytes = 0; bytes < 3 * BODY_LIMITS.import && !client.socket.destroyed; bytes += piece.length) {
      await client.send(Buffer.concat(sent));
    }
    await client.ended();
    expect(served.bytesRead).toBeGreaterThan(BODY_LIMITS.import);
    expect(served.bytesRead).toBeLessThan(2 * BODY_LIMITS.import);
  });
});
