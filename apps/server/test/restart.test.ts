import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestServer } from './support/test-server.ts';

const server = new TestServer();
beforeAll(() => server.start('postgres'), 60_000);
afterAll(() => server.dispose());

test('items, leases and queues of one server exist in the next one', async () => {
  await server.createQueue('q', { max_attempts: 5 });
  await server.post('/v1/queue.produce', {
    queue_name: 'q',
    request_timeout: '5s',
    items: [{ utf8: 'a' }, { utf8: 'b' }],
  });
  const lease = { queue_name: 'q', request_timeout: '5s', client_id: 'me', batch_size: 1 };
  const { json: first } = await server.post('/v1/queue.lease', lease);

  await server.restart('postgres');

  const { json: second } = await server.post('/v1/queue.lease', lease);
  expect(Buffer.from(second.items[0].bytes, 'base64').toString()).toBe('b');
  const ids = [first.items[0].id, second.items[0].id];
  const { status } = await server.post('/v1/queue.complete', { queue_name: 'q', request_timeout: '5s', ids });
  expect(status).toBe(200);
  expect((await server.post('/v1/queues.info', { queue_name: 'q' })).json.max_attempts).toBe(5);
});

test('a stopping server answers waiting requests, and refuses new ones', async () => {
  await server.createQueue('w');
  const lease = server.post('/v1/queue.lease', {
    queue_name: 'w',
    request_timeout: '1m',
    client_id: 'me',
    batch_size: 1,
  });
  const waits = async () =>
    (await server.post('/v1/queue.stats', { queue_name: 'w' })).json.logicalQueues[0].lease_waiting === 1;
  while (!(await waits()));
  const stopped = server.stop();
  const { status, json } = await lease;
  expect([status, json.message]).toEqual([453, 'queue is shutting down']);
  await stopped;
});

test('connections without a complete request do not delay the stop', async () => {
  await server.start('postgres');
  const { port } = new URL(server.url);
  const silent = connect(Number(port), '127.0.0.1');
  const halting = connect(Number(port), '127.0.0.1');
  await Promise.all([once(silent, 'connect'), once(halting, 'connect')]);
  halting.write('POST /v1/queue.stats HTTP/1.1\r\nHost: localhost\r\n');
  // A server that waited for either of them would exceed the time limit of this test.
  const closed = Promise.all([silent, halting].map(isClosed));
  await server.stop();
  await closed;
});

/** Resolves when the connection closes, in order or by a reset. */
function isClosed(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
