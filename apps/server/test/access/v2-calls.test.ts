import { type AnyEndpoint, bodyTooLarge, endpointsV2 } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { callEndpoint, type Format } from '../support/call-endpoint.ts';
import { STORAGES, useServer } from '../support/test-server.ts';
import { ADMIN_KEY, clientWith, ENFORCED, fresh, newQueue, newTenant } from './support/access-server.ts';

const DENIED = { code: 403, code_text: 'Forbidden', message: 'access denied' };
const { server: serverCalls, apiKeys: keyCalls, queues: queueCalls } = endpointsV2;

const CLAIMED = expect.arrayContaining(['extend', 'moves', 'tasks', 'access']);

describe.each(STORAGES)('the calls under /v2/ on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage, ENFORCED);
  const admin = () => clientWith(server, ADMIN_KEY);

  const call = (format: Format, endpoint: unknown, message: object, key = ADMIN_KEY): Promise<unknown> =>
    callEndpoint(server.url, endpoint, { format, message, key });

  const produce = (queueName: string, count: number) =>
    admin().queue.produce({
      queueName,
      requestTimeout: '5s',
      items: Array.from({ length: count }, () => ({ utf8: 'x' })),
    });

  describe.each(['json', 'protobuf'] as const)('in %s', (format) => {
    test('server.info tells what the server can do', async () => {
      expect(await call(format, serverCalls.info, {})).toEqual({
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        api: ['v1', 'v2'],
        capabilities: [
          'access-control',
          'apikeys.rotate',
          'instances.list',
          'items.delete',
          'items.export',
          'items.export.dedup_keys',
          'items.find',
          'items.find.source_queue',
          'items.import',
          'items.import.dedup',
          'items.import.dedup_keys',
          'items.retry',
          'items.summarize',
          'metadata',
          'queue.complete',
          'queue.extend',
          'queue.lease',
          'queue.produce',
          'queue.produce.dedup',
          'queue.retry',
          'queues.delete.force',
          'queues.describe',
          'queues.list',
          'queues.pause',
          'queues.rates',
          'queues.resize',
          'queues.resize.dedup',
          'queues.resize.move',
          'queues.update',
          'quotas',
          'schedules',
          'session.create',
          'storages.list',
          'tasks',
          'tasks.delete',
          'tasks.drain',
          'tasks.move',
          'tasks.move_partition',
          'tasks.rebalance',
          'tasks.redrive',
          'tasks.resize',
          'tasks.retry',
        ],
        storages: [{ name: 'store-0', driver: storage, affinity: 1, capabilities: CLAIMED }],
        queue_storage: { name: 'queue-storage', driver: storage, capabilities: CLAIMED },
      });
    });

    test('server.info needs its permission in _system', async () => {
      const { key } = await newTenant(server, ['system.health']);
      expect(await call(format, serverCalls.info, {}, key)).toEqual(DENIED);
    });

    test('apikeys.rotate gives a key a new secret, and both work for the time of grace', async () => {
      const { keyId, key, namespace } = await newTenant(server, ['queue.list']);
      const rotated = await call(format, keyCalls.rotate, { id: keyId, grace: '1h' });
      const { key: next } = rotated as { readonly key: string };
      expect(rotated).toEqual({
        id: keyId,
        key: next,
        prefix: next.slice(0, (rotated as never)['prefix']['length']),
      });
      expect(next).not.toBe(key);
      for (const each of [key, next]) {
        expect(await clientWith(server, each).queues.list({ namespace })).toEqual({ items: [] });
      }
    });

    test('apikeys.rotate without a time of grace refuses the earlier secret at once', async () => {
      const { keyId, key, namespace } = await newTenant(server, ['queue.list']);
      const { key: next } = (await call(format, keyCalls.rotate, { id: keyId, grace: '0s' })) as {
        key: string;
      };
      await expect(clientWith(server, key).queues.list({ namespace })).rejects.toMatchObject({
        code: 'unauthenticated',
      });
      expect(await clientWith(server, next).queues.list({ namespace })).toEqual({ items: [] });
    });

    test.each([[['apikey.create']], [['apikey.delete']]])(
      'apikeys.rotate is denied to a caller who has only %s',
      async (permissions) => {
        const roleName = fresh('role');
        await admin().access.rolesCreate({ namespace: '_system', name: roleName, permissions });
        const { id: userId } = await admin().access.usersCreate({ username: fresh('user') });
        await admin().access.roleBindingsCreate({ namespace: '_system', roleName, userId });
        const { id, key } = await admin().access.apiKeysCreate({ userId });
        expect(await call(format, keyCalls.rotate, { id, grace: '1h' }, key)).toEqual(DENIED);
      },
    );

    test('apikeys.rotate refuses a request without a time of grace, naming the field', async () => {
      expect(await call(format, keyCalls.rotate, { id: 'x' })).toMatchObject({
        code: 400,
        message: 'grace is invalid; time: invalid duration "" - expected format: 0s, 30m or 24h',
      });
    });

    test('queues.delete is denied to a caller without the permission, whether the queue exists or not', async () => {
      const { key, namespace } = await newTenant(server, ['queue.list', 'queue.produce']);
      const queueName = await newQueue(server, namespace);
      expect(await call(format, queueCalls.delete, { queue_name: queueName, force: true }, key)).toEqual(
        DENIED,
      );
      expect(await call(format, queueCalls.delete, { queue_name: 'none' }, key)).toEqual(DENIED);
      const owner = await newTenant(server, ['queue.delete']);
      expect(await call(format, queueCalls.delete, { queue_name: queueName }, owner.key)).toEqual(DENIED);
    });
  });

  test('instances.list needs the permission system.health in _system', async () => {
    const list = (key: string | undefined) => clientWith(server, key).v2.instances.list({});
    const { key, namespace, userId } = await newTenant(server, ['system.health']);
    for (const each of [key, undefined]) {
      await expect(list(each)).rejects.toMatchObject({ code: 'forbidden', message: 'access denied' });
    }
    expect(namespace).not.toBe('_system');
    await admin().access.roleBindingsCreate({ namespace: '_system', roleName: 'PublicViewer', userId });
    expect((await list(key)).instances).toMatchObject([{ self: true }]);
  });

  test('queue.extend needs the permission queue.lease on the queue', async () => {
    const { key, namespace } = await newTenant(server, ['queue.list', 'queue.complete', 'queue.produce']);
    const queueName = await newQueue(server, namespace);
    const request = { queueName, requestTimeout: '5s', leaseTimeout: '1m', ids: ['0'.repeat(27)] };
    const extend = (as: string) => clientWith(server, as).v2.queue.extend(request);
    await expect(extend(key)).rejects.toMatchObject({ code: 'forbidden', message: 'access denied' });
    const consumer = await newTenant(server, ['queue.lease']);
    await expect(extend(consumer.key)).rejects.toMatchObject({ code: 'forbidden' });
    expect((await extend(ADMIN_KEY)).items).toMatchObject([{ code: 'lease_lost' }]);
  });

  test('items.find needs queue.stats, and shows the ids of leases to who may complete them', async () => {
    const { key, namespace } = await newTenant(server, ['queue.stats', 'queue.list']);
    const queueName = await newQueue(server, namespace);
    await produce(queueName, 2);
    const lease = { queueName, clientId: 'c', batchSize: 1, requestTimeout: '5s' };
    const [leased] = (await admin().v2.queue.lease(lease)).items;
    const find = async (as: string) => (await clientWith(server, as).v2.items.find({ queueName })).items;
    expect(await find(ADMIN_KEY)).toMatchObject([
      { id: leased?.id, firstId: leased?.id, state: 'leased' },
      { state: 'waiting' },
    ]);
    const [hidden, waiting] = await find(key);
    expect(hidden).toMatchObject({ id: '', firstId: '', state: 'leased', attempts: 1 });
    expect(waiting?.id).toHaveLength(27);
    const { v2 } = clientWith(server, key);
    const { cursor } = await v2.items.find({ queueName, limit: 1 });
    const random = leased?.id.slice(-10) ?? '';
    expect(Buffer.from(cursor, 'base64url').toString()).not.toContain(random);
    expect((await v2.items.find({ queueName, cursor })).items).toMatchObject([{ id: waiting?.id }]);
    expect((await v2.items.summarize({ queueName, by: 'kind' })).groups).toMatchObject([{ count: 2 }]);
    const other = await newTenant(server, ['queue.stats']);
    for (const denied of [other.key, (await newTenant(server, ['queue.list'])).key]) {
      await expect(find(denied)).rejects.toMatchObject({ code: 'forbidden', message: 'access denied' });
    }
  });

  const endpoints = Object.values(endpointsV2).flatMap((table) => Object.values<AnyEndpoint>(table));
  test.each(endpoints)(
    '$path refuses an unknown field, and a body beyond its limit',
    async ({ path, bodyLimit }) => {
      const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
      const unknown = await server.post(path, { surprise: 1 }, headers);
      expect(unknown.json).toMatchObject({
        code: 455,
        message: 'proto: (line 1:2): unknown field "surprise"',
      });
      const large = await server.post(path, ' '.repeat(bodyLimit + 1), headers);
      const { message } = bodyTooLarge(bodyLimit);
      expect(large.json).toMatchObject({ code: 400, message });
    },
  );

  test('a path of /v1/ under /v2/ is an unknown path', async () => {
    const { json } = await server.post('/v2/queue.stats', {}, { Authorization: `Bearer ${ADMIN_KEY}` });
    expect(json).toMatchObject({ code: 501, message: 'no such method; /v2/queue.stats' });
  });

  test('the client makes the calls', async () => {
    const { v2 } = admin();
    expect((await v2.server.info({})).api).toEqual(['v1', 'v2']);
    const queueName = await newQueue(server, '');
    await produce(queueName, 1);
    await expect(v2.queues.delete({ queueName })).rejects.toMatchObject({
      code: 'invalid',
      reason: 'not_empty',
      message: `queue is not empty; '${queueName}' holds 1 item, use force to delete them too`,
    });
    await v2.queues.delete({ queueName, force: true });
    const { keyId } = await newTenant(server, []);
    expect((await v2.apiKeys.rotate({ id: keyId, grace: '1m' })).id).toBe(keyId);
  });
});

describe('a caller beyond its limit', () => {
  const server = useServer('memory', ENFORCED);

  test('is told the reason, and when to try again', async () => {
    const headers = { Authorization: `Bearer qtr-test-${'B'.repeat(43)}` };
    for (let n = 0; n < 20; n++) await server.post('/v1/queues.list', {}, headers);
    const { status, json, headers: replied } = await server.post('/v1/queues.list', {}, headers);
    expect(status).toBe(429);
    expect(json.details).toEqual({ code: 'over_limit', retry_after: expect.stringMatching(/^[0-9.]+m?s$/) });
    expect(replied.get('retry-after')).toBe('1');
  });
});
