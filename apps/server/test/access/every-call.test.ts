import { PERMISSIONS } from '@querator/core';
import type { WireFormat } from '@querator/protocol';
import { beforeAll, describe, expect, test } from 'vitest';
import { FUZZ_QUEUES, FUZZ_SEEDS } from '../http/support/fuzz-seeds.ts';
import { STORAGES, useServer } from '../support/test-server.ts';
import { ADMIN_KEY, clientWith, ENFORCED, fresh, newTenant } from './support/access-server.ts';

const WRONG_KEY = `qtr-test-${'B'.repeat(43)}`;
/** Unknown keys are limited by address, so that each request has one of its own. */
const SETTINGS = { ...ENFORCED, 'trusted-proxies': ['127.0.0.0/8'] };
const [QUEUE] = FUZZ_QUEUES;
/** Those on the session of a browser need no permission, and are tested apart. */
const SEEDS = FUZZ_SEEDS.flatMap(({ endpoint, messages }) => {
  const { permission } = endpoint;
  return permission === undefined ? [] : [{ endpoint, messages, permission }];
});

describe.each(STORAGES)('every call on %s', { timeout: 120_000 }, (storage) => {
  const server = useServer(storage, SETTINGS);
  const admin = () => clientWith(server, ADMIN_KEY);
  const keys: Record<string, string> = {};
  let addresses = 0;

  beforeAll(async () => {
    for (const queue of FUZZ_QUEUES.slice(0, 2)) {
      const settings = { lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 2 };
      const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
      await server.post('/v1/queues.create', { queue_name: queue, ...settings }, headers);
    }
    const item = { queueName: QUEUE, requestTimeout: '5s', items: [{ utf8: 'kept' }] };
    await admin().queue.produce(item);
    const elsewhere = await newTenant(server, [...PERMISSIONS], { scope: true });
    keys['elsewhere'] = elsewhere.key;
    const { id: userId } = await admin().access.usersCreate({ username: fresh('user') });
    await admin().access.roleBindingsCreate({ namespace: '_system', roleName: 'Admin', userId });
    const expiresAt = { seconds: 1_000_000_000, nanos: 0 };
    keys['expired'] = (await admin().access.apiKeysCreate({ userId, expiresAt })).key;
    for (const permission of PERMISSIONS) {
      const roleName = fresh('role');
      const permissions = PERMISSIONS.filter((each) => each !== permission);
      await admin().access.rolesCreate({ namespace: '_system', name: roleName, permissions });
      const { id } = await admin().access.usersCreate({ username: fresh('user') });
      await admin().access.roleBindingsCreate({ namespace: '_system', roleName, userId: id });
      keys[permission] = (await admin().access.apiKeysCreate({ userId: id })).key;
    }
  });

  /** The status of a correct request in a format, with a key. */
  async function statusOf(seed: (typeof SEEDS)[number], format: WireFormat, key?: string) {
    const { path, request } = seed.endpoint;
    const message = request.create(seed.messages[0] as never);
    const reply = await fetch(server.url + path, {
      method: 'POST',
      headers: {
        'Content-Type': `application/${format}`,
        Accept: `application/${format}`,
        'X-Forwarded-For': `198.51.100.${++addresses % 250}`,
        ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
      },
      body: Buffer.from(format === 'json' ? request.toJson(message) : request.encode(message)),
    });
    await reply.arrayBuffer();
    return reply.status;
  }

  /** All that the calls could change. */
  async function state() {
    const { access, queues, storage: stored } = admin();
    const { items: apiKeys } = await access.apiKeysList({ limit: 1_000 });
    return {
      queues: await queues.list({}),
      items: await stored.itemsList({ queueName: QUEUE, partition: 0 }),
      others: await stored.itemsList({ queueName: QUEUE, partition: 1 }),
      namespaces: await access.namespacesList({}),
      users: await access.usersList({ limit: 1_000 }),
      keys: apiKeys.map(({ lastUsedAt: _, ...rest }) => rest),
      roles: await access.rolesList({ namespace: '_system', limit: 1_000 }),
      bindings: await access.roleBindingsList({ namespace: '_system', limit: 1_000 }),
    };
  }

  test.each(['json', 'protobuf'] as const)('is refused in %s to who may not make it', async (format) => {
    const before = await state();
    for (const seed of SEEDS) {
      const { permission } = seed;
      const { path } = seed.endpoint;
      const refusals = {
        'no key': await statusOf(seed, format),
        'a wrong key': await statusOf(seed, format, WRONG_KEY),
        'an expired key': await statusOf(seed, format, keys['expired']),
        'a key of another namespace': await statusOf(seed, format, keys['elsewhere']),
        [`all permissions but ${permission}`]: await statusOf(seed, format, keys[permission]),
      };
      expect(refusals, path).toEqual({
        'no key': 403,
        'a wrong key': 401,
        'an expired key': 401,
        'a key of another namespace': 403,
        [`all permissions but ${permission}`]: 403,
      });
    }
    expect(await state()).toEqual(before);
  });

  test.each(['json', 'protobuf'] as const)(
    'is judged on its merits in %s for an administrator',
    async (format) => {
      for (const seed of SEEDS) {
        const status = await statusOf(seed, format, ADMIN_KEY);
        // The documented answer to the deletion of a key that does not exist.
        if (seed.endpoint.path === '/v1/apikeys.delete') continue;
        expect([401, 403], seed.endpoint.path).not.toContain(status);
      }
    },
  );
});
