import { describe, expect, test } from 'vitest';
import { RawConnection } from '../support/raw-connection.ts';
import { type RawReply, STORAGES, type TestServer, useServer } from '../support/test-server.ts';
import { ADMIN_KEY, clientWith, ENFORCED, newQueue, newTenant } from './support/access-server.ts';

describe.each(STORAGES)('a change of access on %s', { timeout: 60_000 }, (storage) => {
  const server: TestServer = useServer(storage, ENFORCED);
  const admin = () => clientWith(server, ADMIN_KEY);
  const post = (path: string, body: object, key: string): Promise<RawReply> =>
    server.post(path, body, { Authorization: `Bearer ${key}` });
  const head = (path: string, key: string, length: number) =>
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\nContent-Length: ${length}\r\n\r\n`;
  const itemFor = (queueName: string) =>
    JSON.stringify({ queue_name: queueName, request_timeout: '5s', items: [{ utf8: 'x' }] });
  const open = () => RawConnection.open(Number(new URL(server.url).port));
  const waitingLeases = async (queueName: string) =>
    (await post('/v1/queue.stats', { queue_name: queueName }, ADMIN_KEY)).json.logicalQueues[0].lease_waiting;

  test.each([
    ['known', true],
    ['not known', false],
  ])('counts for a call whose body arrives after it (key %s before)', async (_, isKnown) => {
    const { namespace, key, keyId } = await newTenant(server, ['queue.produce']);
    const queueName = await newQueue(server, namespace);
    const body = itemFor(queueName);
    if (isKnown) expect((await post('/v1/queue.produce', JSON.parse(body), key)).status).toBe(200);
    const connection = await open();
    connection.send(head('/v1/queue.produce', key, Buffer.byteLength(body)) + body.slice(0, 1));
    // The head has been read when a later request has.
    expect((await post('/v1/queues.list', {}, ADMIN_KEY)).status).toBe(200);
    await admin().access.apiKeysDelete({ id: keyId });
    connection.send(body.slice(1));
    await expect.poll(() => connection.received).toContain('api key does not exist');
    connection.socket.destroy();
  });

  test('counts for a call that waits behind another one of its connection', async () => {
    const first = await newTenant(server, ['queue.lease']);
    const firstQueue = await newQueue(server, first.namespace);
    const second = await newTenant(server, ['queue.stats']);
    const secondQueue = await newQueue(server, second.namespace);
    const stats = { queue_name: secondQueue };
    expect((await post('/v1/queue.stats', stats, second.key)).status).toBe(200);
    const lease = { queue_name: firstQueue, client_id: 'c', batch_size: 1, request_timeout: '1m' };
    // A call with a key that the server does not know would begin later than the next one.
    expect((await post('/v1/queues.list', {}, first.key)).json).toMatchObject({ code: 403 });
    const connection = await open();
    for (const [path, body, { key }] of [
      ['/v1/queue.lease', lease, first],
      ['/v1/queue.stats', stats, second],
    ] as const) {
      const text = JSON.stringify(body);
      connection.send(head(path, key, Buffer.byteLength(text)) + text);
    }
    await expect.poll(() => waitingLeases(firstQueue)).toBe(1);
    await admin().access.apiKeysDelete({ id: second.keyId });
    expect((await post('/v1/queue.produce', JSON.parse(itemFor(firstQueue)), ADMIN_KEY)).status).toBe(200);
    await expect.poll(() => connection.received).toContain('api key does not exist');
    connection.socket.destroy();
  });

  test.each(['/v1/queue.lease', '/v2/queue.lease'])(
    'ends a %s that waits with the earlier secret of a rotated key, when its grace ends',
    async (path) => {
      const { namespace, key, keyId } = await newTenant(server, ['queue.lease']);
      const queueName = await newQueue(server, namespace);
      const request = { queue_name: queueName, client_id: 'c', batch_size: 1, request_timeout: '1m' };
      const waiting = post(path, request, key);
      await expect.poll(() => waitingLeases(queueName)).toBe(1);
      expect((await post('/v2/apikeys.rotate', { id: keyId, grace: '1s' }, ADMIN_KEY)).status).toBe(200);
      expect((await waiting).json).toMatchObject({ code: 401, message: 'api key has expired' });
    },
  );
});
