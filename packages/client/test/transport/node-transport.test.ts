import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { queuesEndpoints } from '@querator/protocol';
import { afterEach, expect, test } from 'vitest';
import { ConnectError, ConnectionLostError, createClient } from '../../src/index.ts';
import { failureOf } from '../support/fake-server.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(listener: RequestListener): Promise<{ endpoint: string; server: Server }> {
  const server = createServer(listener);
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

test('posts the body with its length, and reuses a connection', async () => {
  const bodies: string[] = [];
  let connections = 0;
  const { endpoint, server } = await listen(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    bodies.push(
      `${request.method} ${request.headers['content-length']} ${Buffer.concat(chunks).toString('hex')}`,
    );
    response.setHeader('Content-Type', 'application/protobuf').end();
  });
  server.on('connection', () => {
    connections += 1;
  });
  const client = createClient({ endpoint });
  expect(await client.queues.list({ pivot: 'a' })).toEqual({ items: [] });
  await client.queues.list({});
  const hex = Buffer.from(
    queuesEndpoints.list.request.encode({ pivot: 'a', limit: 0, namespace: '' }),
  ).toString('hex');
  expect(bodies).toEqual([`POST 3 ${hex}`, 'POST 0 ']);
  expect(connections).toBe(1);
});

test('a port without a listener is a failure to connect', async () => {
  const { endpoint, server } = await listen(() => {});
  server.close();
  await once(server, 'close');
  const error = await failureOf(createClient({ endpoint }).queues.list({}));
  expect(error).toBeInstanceOf(ConnectError);
  expect((error as Error).message).toContain('ECONNREFUSED');
});

test('an unknown host name is a failure to connect', async () => {
  const error = await failureOf(createClient({ endpoint: 'http://no-such-host.invalid' }).queues.list({}));
  expect(error).toBeInstanceOf(ConnectError);
});

test('a connection that ends before the end of the reply is lost', async () => {
  const before = await listen((request) => request.socket.destroy());
  expect(await failureOf(createClient(before).queues.list({}))).toBeInstanceOf(ConnectionLostError);
  const amid = await listen((request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 100 });
    response.write('{', () => request.socket.destroy());
  });
  expect(await failureOf(createClient(amid).queues.list({}))).toBeInstanceOf(ConnectionLostError);
});

test('an abort closes the connection', async () => {
  const giveUp = new AbortController();
  const gone = Promise.withResolvers<void>();
  const { endpoint } = await listen((request) => {
    request.socket.on('close', () => gone.resolve());
    giveUp.abort(new Error('enough'));
  });
  const error = await failureOf(createClient({ endpoint }).queues.list({}, { signal: giveUp.signal }));
  expect(error).toMatchObject({ message: 'enough' });
  await gone.promise;
});
