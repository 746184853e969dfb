import { type AnyEndpoint, accessEndpoints } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { ENDPOINTS_WITH_PERMISSION } from '../support/all-endpoints.ts';
import { type RawReply, STORAGES, TestServer, useServer } from '../support/test-server.ts';
import { ADMIN_KEY, clientWith, ENFORCED, fresh, newQueue, newTenant } from './support/access-server.ts';
import { bodyOf } from './support/all-calls.ts';

const DENIED = { code: 403, code_text: 'Forbidden', message: 'access denied' };

describe.each(STORAGES)('access control on %s', { timeout: 60_000 }, (storage) => {
  const server: TestServer = useServer(storage, ENFORCED);
  const post = (path: string, body: object, key?: string): Promise<RawReply> =>
    server.post(path, body, key === undefined ? {} : { Authorization: `Bearer ${key}` });
  const admin = () => clientWith(server, ADMIN_KEY);

  test.each(ENDPOINTS_WITH_PERMISSION.map(({ path }) => path))(
    '%s is denied to anonymous callers',
    async (path) => {
      expect((await post(path, bodyOf(path))).json).toEqual(DENIED);
    },
  );

  test.each(ENDPOINTS_WITH_PERMISSION.map(({ path, permission }) => [path, permission] as const))(
    '%s is denied to a caller who has every permission but %s',
    async (path, permission) => {
      const roleName = fresh('role');
      const permissions = [
        ...new Set(ENDPOINTS_WITH_PERMISSION.map((endpoint) => endpoint.permission)),
      ].filter((each) => each !== permission);
      await admin().access.rolesCreate({ namespace: '_system', name: roleName, permissions });
      const { id: userId } = await admin().access.usersCreate({ username: fresh('user') });
      await admin().access.roleBindingsCreate({ namespace: '_system', roleName, userId });
      const { key } = await admin().access.apiKeysCreate({ userId });
      expect((await post(path, bodyOf(path), key)).json).toEqual(DENIED);
    },
  );

  test.each(['json', 'protobuf'] as const)('the administrator manages everything in %s', async (format) => {
    const headers = {
      Authorization: `Bearer ${ADMIN_KEY}`,
      ...(format === 'json'
        ? {}
        : { 'Content-Type': 'application/protobuf', Accept: 'application/protobuf' }),
    };
    const call = async (name: keyof typeof accessEndpoints, request: object) => {
      const { path, request: sent, response } = accessEndpoints[name] as AnyEndpoint;
      const body =
        format === 'json'
          ? JSON.stringify(request)
          : sent.encode(sent.fromJson(Buffer.from(JSON.stringify(request))));
      const reply = await fetch(server.url + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: Buffer.from(body),
      });
      const bytes = new Uint8Array(await reply.arrayBuffer());
      expect(reply.status, Buffer.from(bytes).toString()).toBe(200);
      const decoded = format === 'json' ? bytes : response.toJson(response.decode(bytes));
      return JSON.parse(Buffer.from(decoded).toString());
    };
    const namespace = fresh('ns');
    await call('namespacesCreate', { name: namespace, description: 'first', api_key_tag: 'acme' });
    await call('namespacesUpdate', { name: namespace, description: 'second', api_key_tag: 'acme' });
    const { items: namespaces } = await call('namespacesList', { pivot: namespace, limit: 1 });
    expect(namespaces).toMatchObject([{ name: namespace, description: 'second', api_key_tag: 'acme' }]);
    const username = fresh('user');
    const { id: userId } = await call('usersCreate', { username, email: 'a@b.c', external_id: 'x' });
    const { items: users } = await call('usersList', { pivot: userId, limit: 1 });
    expect(users).toMatchObject([{ id: userId, username, email: 'a@b.c', external_id: 'x' }]);
    const {
      id: keyId,
      key,
      prefix,
    } = await call('apiKeysCreate', { user_id: userId, name: 'k', namespace_scope: namespace });
    expect(key).toMatch(/^qtr-acme-[0-9A-Za-z]{43}$/);
    const { items: keys } = await call('apiKeysList', { user_id: userId });
    expect(keys).toMatchObject([
      { id: keyId, user_id: userId, name: 'k', prefix, namespace_scope: namespace },
    ]);
    const { id: roleId } = await call('rolesCreate', { namespace, name: 'r', permissions: ['queue.list'] });
    await call('rolesUpdate', { namespace, name: 'r', permissions: ['queue.stats', 'queue.list'] });
    const { items: roles } = await call('rolesList', { namespace });
    expect(roles).toMatchObject([{ id: roleId, name: 'r', permissions: ['queue.stats', 'queue.list'] }]);
    const { id } = await call('roleBindingsCreate', { namespace, role_name: 'r', user_id: userId });
    const { items: bindings } = await call('roleBindingsList', { namespace, user_id_filter: userId });
    expect(bindings).toMatchObject([{ id, namespace, user_id: userId, role_id: roleId }]);
    await call('roleBindingsDelete', { namespace, role_name: 'r', user_id: userId });
    await call('rolesDelete', { namespace, name: 'r' });
    await call('apiKeysDelete', { id: keyId });
    await call('usersDelete', { id: userId });
    await call('namespacesDelete', { name: namespace });
    expect((await call('namespacesList', { pivot: namespace, limit: 1 })).items?.[0]?.name).not.toBe(
      namespace,
    );
  });

  test('a tenant works with its own queues, and sees no others', async () => {
    const ours = await newTenant(server, [
      'queue.create',
      'queue.list',
      'queue.produce',
      'queue.lease',
      'queue.complete',
    ]);
    const theirs = await newTenant(server, ['queue.create', 'queue.list']);
    const theirQueue = await newQueue(server, theirs.namespace);
    const client = clientWith(server, ours.key);
    const queueName = fresh('own');
    await client.queues.create({
      queueName,
      namespace: ours.namespace,
      leaseTimeout: '1m',
      expireTimeout: '1h',
      requestedPartitions: 1,
    });
    await client.queue.produce({ queueName, requestTimeout: '5s', items: [{ utf8: 'x' }] });
    const { partition, items } = await client.queue.lease({
      queueName,
      clientId: 'c',
      batchSize: 1,
      requestTimeout: '5s',
    });
    await client.queue.complete({
      queueName,
      partition,
      requestTimeout: '5s',
      ids: items.map(({ id }) => id),
    });
    const list = await post('/v1/queues.list', { namespace: ours.namespace }, ours.key);
    expect(list.json.items.map((each: { queue_name: string }) => each.queue_name)).toEqual([queueName]);
    for (const path of [
      '/v1/queue.produce',
      '/v1/queue.lease',
      '/v1/queue.complete',
      '/v1/queues.info',
      '/v1/queues.delete',
    ]) {
      const onTheirs = await post(path, { queue_name: theirQueue }, ours.key);
      expect(onTheirs.json).toEqual(DENIED);
      expect((await post(path, { queue_name: fresh('missing') }, ours.key)).json).toEqual(onTheirs.json);
    }
    expect((await post('/v1/queues.list', { namespace: theirs.namespace }, ours.key)).json).toEqual(DENIED);
    expect((await post('/v1/queues.list', {}, ours.key)).json).toEqual(DENIED);
  });

  test('a dead-letter queue of another namespace does not exist without the permission to produce there', async () => {
    const ours = await newTenant(server, ['queue.create', 'queue.update']);
    const dead = await newQueue(server, '_system');
    const create = (key: string, name: string) =>
      post(
        '/v1/queues.create',
        {
          queue_name: name,
          namespace: ours.namespace,
          lease_timeout: '1m',
          expire_timeout: '1h',
          requested_partitions: 1,
          dead_queue: dead,
        },
        key,
      );
    const message = `dead_queue does not exist; '${dead}' was not found, create it first`;
    expect((await create(ours.key, fresh('queue'))).json).toMatchObject({ code: 400, message });
    const own = await newQueue(server, ours.namespace);
    const update = await post('/v1/queues.update', { queue_name: own, dead_queue: dead }, ours.key);
    expect(update.json).toMatchObject({ code: 400, message });
    const mine = fresh('queue');
    expect((await create(ADMIN_KEY, mine)).status).toBe(200);
  });

  test('an error does not name a queue that the caller may not list', async () => {
    const { namespace, key } = await newTenant(server, ['queue.delete']);
    const dead = await newQueue(server, namespace);
    const user = await newQueue(server, '_system', { deadQueue: dead });
    const text = (other: string) =>
      `queue is in use; '${dead}' is the dead_queue of ${other}, update that queue first or use force`;
    const byTenant = await post('/v1/queues.delete', { queue_name: dead }, key);
    expect(byTenant.json).toMatchObject({ code: 400, message: text('another queue') });
    const byAdmin = await post('/v1/queues.delete', { queue_name: dead }, ADMIN_KEY);
    expect(byAdmin.json).toMatchObject({ code: 400, message: text(`'${user}'`) });
  });

  test('a queue needs a namespace that exists', async () => {
    const body = {
      queue_name: fresh('queue'),
      lease_timeout: '1m',
      expire_timeout: '1h',
      requested_partitions: 1,
    };
    const { json } = await post('/v1/queues.create', { ...body, namespace: 'nowhere' }, ADMIN_KEY);
    expect(json).toMatchObject({ code: 453, message: "namespace does not exist; 'nowhere' was not found" });
  });

  test('a namespace with queues is not deleted', async () => {
    const namespace = fresh('ns');
    await admin().access.namespacesCreate({ name: namespace });
    const queueName = await newQueue(server, namespace);
    const message = `namespace has queues; '${namespace}' has queues, delete queues first`;
    await expect(admin().access.namespacesDelete({ name: namespace })).rejects.toMatchObject({ message });
    await admin().queues.delete({ queueName });
    await admin().access.namespacesDelete({ name: namespace });
  });

  test.each([
    ['its key is deleted', 401, (tenant) => admin().access.apiKeysDelete({ id: tenant.keyId })],
    [
      'its role loses the permission',
      403,
      ({ namespace }) => admin().access.rolesUpdate({ namespace, name: 'member', permissions: [] }),
    ],
  ] satisfies [string, number, (tenant: Awaited<ReturnType<typeof newTenant>>) => Promise<unknown>][])(
    'a lease that waits ends when %s',
    async (_, status, change) => {
      const tenant = await newTenant(server, ['queue.lease', 'queue.produce']);
      const queueName = await newQueue(server, tenant.namespace);
      const request = { queue_name: queueName, client_id: 'c', batch_size: 1, request_timeout: '1m' };
      const waiting = post('/v1/queue.lease', request, tenant.key);
      const stats = async () =>
        (await post('/v1/queue.stats', { queue_name: queueName }, ADMIN_KEY)).json.logicalQueues[0];
      await expect.poll(async () => (await stats()).lease_waiting).toBe(1);
      await change(tenant);
      expect((await waiting).status).toBe(status);
      // Nobody waits any more, so an item stays in the queue.
      const item = { queue_name: queueName, request_timeout: '5s', items: [{ utf8: 'x' }] };
      expect((await post('/v1/queue.produce', item, ADMIN_KEY)).status).toBe(200);
      expect((await stats()).partitions[0]).toMatchObject({ total: 1 });
    },
  );

  test('a lease that waits ends when its key expires', async () => {
    const { namespace, userId } = await newTenant(server, ['queue.lease']);
    const queueName = await newQueue(server, namespace);
    const at = Date.now() + 1_500;
    const seconds = Math.floor(at / 1_000);
    const expiresAt = { seconds, nanos: (at - seconds * 1_000) * 1_000_000 };
    const { key } = await admin().access.apiKeysCreate({ userId, expiresAt });
    const request = { queue_name: queueName, client_id: 'c', batch_size: 1, request_timeout: '1m' };
    const { json } = await post('/v1/queue.lease', request, key);
    expect(json).toMatchObject({ code: 401, message: 'api key has expired' });
  });
});

describe.each(STORAGES)('a server without access control on %s', (storage) => {
  const server = useServer(storage);

  test('answers the calls on access, and lets everybody do everything', async () => {
    const { access } = clientWith(server, undefined);
    expect((await access.namespacesList({})).items.map(({ name }) => name)).toEqual(['_system']);
    expect((await access.rolesList({})).items.map(({ name }) => name).sort()).toEqual([
      'Admin',
      'NamespaceOwner',
      'PublicViewer',
    ]);
    const { id } = await access.usersCreate({ username: 'ann' });
    expect((await access.usersList({})).items.map((each) => each.id)).toEqual([id]);
  });

  test('ignores a key, and refuses a header of another form', async () => {
    const list = (authorization: string) =>
      server.post('/v1/queues.list', {}, { Authorization: authorization });
    expect((await list('Bearer anything')).status).toBe(200);
    expect((await list('Basic x')).json).toMatchObject({
      code: 401,
      message: 'invalid authorization header format',
    });
  });
});

test('with access control, pages need a permission in _system: metrics to be shown, health for its details', async () => {
  const server = new TestServer(ENFORCED);
  try {
    await server.start('memory');
    const { access } = clientWith(server, ADMIN_KEY);
    const { id: userId } = await access.usersCreate({ username: 'viewer' });
    await access.roleBindingsCreate({ namespace: '_system', roleName: 'PublicViewer', userId });
    const { key } = await access.apiKeysCreate({ userId });
    const get = (path: string, authorization?: string) =>
      fetch(
        server.url + path,
        authorization === undefined ? {} : { headers: { Authorization: authorization } },
      );
    expect((await get('/metrics')).status).toBe(403);
    expect((await get('/metrics', 'Bearer x')).status).toBe(401);
    expect((await get('/metrics', `Bearer ${key}`)).status).toBe(200);
    expect(await (await get('/health')).json()).toEqual({ status: 'pass' });
    expect(await (await get('/health', `Bearer ${key}`)).json()).toHaveProperty('checks');
    expect((await get('/livez')).status).toBe(200);
  } finally {
    await server.dispose();
  }
});

test('a restart on PostgreSQL keeps keys, and the door closed', { timeout: 60_000 }, async () => {
  const server = new TestServer(ENFORCED);
  try {
    await server.start('postgres');
    const { key, namespace } = await newTenant(server, ['queue.list']);
    await server.restart('postgres');
    const list = (body: object, headers = {}) => server.post('/v1/queues.list', body, headers);
    expect((await list({ namespace }, { Authorization: `Bearer ${key}` })).status).toBe(200);
    expect((await list({})).json).toEqual(DENIED);
  } finally {
    await server.dispose();
  }
});

test.each([
  ['a trusted proxy', ['127.0.0.0/8'], 401],
  ['anybody else', [], 429],
] as const)('unknown keys are limited per client that %s names', async (_, trusted, status) => {
  const server = new TestServer({ ...ENFORCED, 'trusted-proxies': trusted });
  try {
    await server.start('memory');
    const guess = (n: number, client: string) =>
      server.post(
        '/v1/queues.list',
        {},
        { Authorization: `Bearer qtr-live-${String(n).padStart(43, 'x')}`, 'X-Forwarded-For': client },
      );
    for (let n = 0; n < 20; n++) expect((await guess(n, '203.0.113.9')).status).toBe(401);
    const limited = await guess(20, '203.0.113.9');
    expect(limited.json).toMatchObject({ code: 429, details: { retry_after: expect.any(String) } });
    expect(limited.headers.get('retry-after')).toBe('1');
    expect((await guess(21, '203.0.113.10')).status).toBe(status);
  } finally {
    await server.dispose();
  }
});
