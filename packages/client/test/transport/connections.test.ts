import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { ManualClock } from '@querator/core/testing';
import { codecs } from '@querator/protocol';
import { afterEach, expect, test, vi } from 'vitest';
import { ConnectError, ConnectionLostError, createClient } from '../../src/index.ts';
import { nodeTransport } from '../../src/transport/node-transport.ts';
import type { TransportReply } from '../../src/transport/transport.ts';
import { failureOf } from '../support/fake-server.ts';
import { type RawRequest, RawServer } from '../support/raw-server.ts';

const servers: RawServer[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});

async function serve(answer: (request: RawRequest) => unknown, host?: string): Promise<RawServer> {
  const server = await RawServer.start(answer, host);
  servers.push(server);
  return server;
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/protobuf\r\n';
/** A reply without items. */
const empty = (headers = '') => `${HEAD}${headers}Content-Length: 0\r\n\r\n`;

/** Calls a client one after the other. @returns the connections that carried the calls. */
async function connectionsOf(server: RawServer, calls: number, clock = new ManualClock()) {
  const client = createClient({ endpoint: server.endpoint, clock });
  for (let call = 0; call < calls; call++) await client.queues.list({});
  return server.requests.map(({ connection }) => connection);
}

test('calls one after the other share a connection, calls side by side have one each', async () => {
  const server = await serve(({ socket }) => socket.write(empty()));
  const client = createClient({ endpoint: server.endpoint });
  await Promise.all([client.queues.list({}), client.queues.list({})]);
  await Promise.all([client.queues.list({}), client.queues.list({})]);
  await client.queues.list({});
  expect(server.sockets).toHaveLength(2);
});

test.each([
  ['the server ends it', 'Connection: close\r\n'],
  ['the server ends it, among other options', 'Connection: x, Close\r\n'],
  ['the server will close it within a second', 'Keep-Alive: timeout=1\r\n'],
])('a connection is not used again if %s', async (_, headers) => {
  const server = await serve(({ socket }) => socket.write(empty(headers)));
  expect(await connectionsOf(server, 2)).toEqual([1, 2]);
});

test('a connection is not used again after a reply of HTTP/1.0, unless it says so', async () => {
  const old = (headers: string) => empty(headers).replace('HTTP/1.1', 'HTTP/1.0');
  const closing = await serve(({ socket }) => socket.write(old('')));
  expect(await connectionsOf(closing, 2)).toEqual([1, 2]);
  const keeping = await serve(({ socket }) => socket.write(old('Connection: keep-alive\r\n')));
  expect(await connectionsOf(keeping, 2)).toEqual([1, 1]);
});

test('an idle connection is not used in the last second before the server closes it', async () => {
  const server = await serve(({ socket }) => socket.write(empty('Keep-Alive: timeout=5, max=100\r\n')));
  const clock = new ManualClock();
  const client = createClient({ endpoint: server.endpoint, clock });
  await client.queues.list({});
  await clock.advance('3s999ms');
  await client.queues.list({});
  expect(server.sockets).toHaveLength(1);
  await clock.advance('4s');
  await client.queues.list({});
  expect(server.requests.map(({ connection }) => connection)).toEqual([1, 1, 2]);
});

test('a connection that the server closed is not used again', async () => {
  const server = await serve(({ socket }) => socket.end(empty()));
  const client = createClient({ endpoint: server.endpoint });
  await client.queues.list({});
  await once(server.sockets[0] as NonNullable<(typeof server.sockets)[0]>, 'close');
  await client.queues.list({});
  expect(server.sockets).toHaveLength(2);
});

test.each([
  ['after the reply', `${empty()}HTTP/1.1 408 Request Timeout\r\n\r\n`],
  ['that are a second reply', empty() + empty('X-Of: another call\r\n')],
])('bytes %s end the connection and reach no other call', async (_, bytes) => {
  const server = await serve(({ socket, connection }) => socket.write(connection === 1 ? bytes : empty()));
  const client = createClient({ endpoint: server.endpoint });
  const headers: (string | undefined)[] = [];
  const onReply = (header: (name: string) => string | undefined) => headers.push(header('x-of'));
  for (let call = 0; call < 2; call++) await client.queues.list({}, { onReply });
  expect(headers).toEqual([undefined, undefined]);
  expect(server.requests.map(({ connection }) => connection)).toEqual([1, 2]);
});

test('bytes on an idle connection end it', async () => {
  const server = await serve(({ socket }) => socket.write(empty()));
  const client = createClient({ endpoint: server.endpoint });
  await client.queues.list({});
  const [first] = server.sockets;
  first?.write(empty('X-Of: nobody\r\n'));
  await once(first as NonNullable<typeof first>, 'close');
  await client.queues.list({}, { onReply: (header) => expect(header('x-of')).toBeUndefined() });
  expect(server.sockets).toHaveLength(2);
});

test('calls beyond the most connections wait, and an abort takes one out', async () => {
  const held: RawRequest[] = [];
  const server = await serve((request) => held.push(request));
  const arrived = (count: number) => vi.waitFor(() => expect(held).toHaveLength(count));
  const transport = nodeTransport({ clock: new ManualClock(), mostConnections: 2 });
  const replies: string[] = [];
  const begin = (name: string) =>
    transport(
      { url: `${server.endpoint}/`, headers: {}, body: Buffer.from(name) },
      {
        replied: () => replies.push(name),
        failed: (error) => replies.push(`${name}: ${error.name}`),
      },
    );
  const abortFirst = begin('first');
  begin('second');
  const abortThird = begin('third');
  begin('fourth');
  const abortFifth = begin('fifth');
  await arrived(2);
  expect(held.map(({ body }) => String(body)).sort()).toEqual(['first', 'second']);
  abortThird();
  // The connection of an aborted call is closed. Another one takes its place.
  abortFirst();
  await arrived(3);
  expect(String(held[2]?.body)).toBe('fourth');
  held.find(({ body }) => String(body) === 'second')?.socket.write(empty());
  await arrived(4);
  expect(String(held[3]?.body)).toBe('fifth');
  // It waited before it had this connection.
  const closed = once((held[3] as RawRequest).socket, 'close');
  abortFifth();
  await closed;
  held[2]?.socket.destroy();
  await once((held[2] as RawRequest).socket, 'close');
  await vi.waitFor(() => expect(replies).toHaveLength(2));
  expect(replies).toEqual(['second', 'fourth: ConnectionLostError']);
});

test('a call that is aborted before the connection is open sends nothing', async () => {
  const server = await serve(({ socket }) => socket.write(empty()));
  const client = createClient({ endpoint: server.endpoint });
  const controller = new AbortController();
  const call = failureOf(client.queues.list({}, { signal: controller.signal }));
  controller.abort(new Error('enough'));
  expect(await call).toMatchObject({ message: 'enough' });
  await client.queues.list({});
  expect(server.requests).toHaveLength(1);
});

test('a refusal is read that the server sends before it has read the request', async () => {
  const reply = codecs.Reply.encode(codecs.Reply.create({ code: 400, message: 'too large' }));
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.pause();
      socket.write(
        `HTTP/1.1 413 Too\r\nContent-Type: application/protobuf\r\nContent-Length: ${reply.length}\r\n\r\n`,
      );
      socket.write(reply);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address() as { port: number };
  const client = createClient({ endpoint: `http://127.0.0.1:${address.port}` });
  const bytes = new Uint8Array(30_000_000);
  let connections = 0;
  server.on('connection', () => {
    connections++;
  });
  const produce = () => failureOf(client.queue.produce({ queueName: 'q', items: [{ bytes }] }));
  expect(await produce()).toMatchObject({ name: 'InfrastructureError', status: 413 });
  // The rest of the first request was never sent, so its connection is of no more use.
  expect(await produce()).toMatchObject({ name: 'InfrastructureError', status: 413 });
  expect(connections).toBe(2);
  server.close();
});

test('large and small bodies arrive as they are', async () => {
  const server = await serve(({ socket }) => socket.write(empty()));
  const transport = nodeTransport({ clock: new ManualClock() });
  const sizes = [0, 1, 16_384, 16_385, 5_000_000];
  for (const size of sizes) {
    const body = Buffer.alloc(size, 'abc');
    const { status } = await new Promise<TransportReply>((replied, failed) => {
      transport({ url: `${server.endpoint}/path?x=1`, headers: { 'X-A': 'b' }, body }, { replied, failed });
    });
    expect(status).toBe(200);
    expect(server.requests.at(-1)?.body.equals(body)).toBe(true);
  }
  expect(server.requests.at(-1)?.head).toBe(
    `POST /path?x=1 HTTP/1.1\r\nHost: ${new URL(server.endpoint).host}\r\nConnection: keep-alive\r\nX-A: b\r\nContent-Length: 5000000\r\n\r\n`,
  );
});

test('an address of IPv6 is called', async () => {
  const server = await serve(({ socket }) => socket.write(empty()), '::1');
  expect(await connectionsOf(server, 1)).toEqual([1]);
  expect(server.requests[0]?.head).toContain(`Host: ${new URL(server.endpoint).host}\r\n`);
});

test.each(['key\r\nX-Injected: 1', 'key\n', 'ключ'])(
  'an API key that is no header is refused: %j',
  async (apiKey) => {
    const server = await serve(({ socket }) => socket.write(empty()));
    const error = await failureOf(createClient({ endpoint: server.endpoint, apiKey }).queues.list({}));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain('Authorization');
    expect(server.sockets).toHaveLength(0);
  },
);

test('a connection that breaks before a byte of the reply is lost, and one that never opened is not', async () => {
  const server = await serve(({ socket }) => socket.resetAndDestroy());
  const { endpoint } = server;
  const lost = await failureOf(createClient({ endpoint }).queues.list({}));
  expect(lost).toBeInstanceOf(ConnectionLostError);
  expect((lost as Error).message).toContain('ECONNRESET');
  server.stop();
  expect(await failureOf(createClient({ endpoint }).queues.list({}))).toBeInstanceOf(ConnectError);
});

test('an idle connection does not keep the process alive, a call does', async () => {
  const server = await serve(({ socket }) => socket.write(empty()));
  const program = `
    import { createClient } from ${JSON.stringify(fileURLToPath(new URL('../../src/index.ts', import.meta.url)))};
    const client = createClient({ endpoint: ${JSON.stringify(server.endpoint)} });
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCPSocket')).length;
    const counts = [];
    for (let call = 0; call < 2; call++) {
      const called = client.queues.list({});
      counts.push(sockets());
      await called;
      counts.push(sockets());
    }
    console.log(counts.join(' '));`;
  const flags = ['--conditions=@querator/source', '--input-type=module', '--eval', program];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(text).toBe('1 0 1 0\n');
  expect(server.sockets).toHaveLength(1);
}, 30_000);
