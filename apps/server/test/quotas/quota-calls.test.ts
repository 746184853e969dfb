import { endpointsV2, queueEndpoints } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { ADMIN_KEY, clientWith, ENFORCED } from '../access/support/access-server.ts';
import { STORAGES, useServer } from '../support/test-server.ts';
import {
  call,
  FORMATS,
  produceOf,
  setQuota,
  tenantWithQueue,
  useQuotaServer,
} from './support/quota-server.ts';

const CONFIGURED = {
  default: { 'items-per-second': 1_000 },
  namespaces: { _system: { queues: 5, 'bytes-waiting': '5GB' } },
  keys: { 'some-key': { connections: 7 } },
};

const ALL = {
  queues: 1,
  partitions: 2,
  items_waiting: 3_000_000_000,
  bytes_waiting: 5_000_000_000_000,
  requests_per_second: 5,
  items_per_second: 6,
  waiting_consumers: 7,
  connections: 8,
};

describe.each(STORAGES)('the calls on quotas on %s', { timeout: 60_000 }, (storage) => {
  const { server, pass } = useQuotaServer(storage, { ...ENFORCED, quotas: CONFIGURED });
  const get = async (request: object, format: (typeof FORMATS)[number] = 'json') =>
    (await call(server, endpointsV2.quotas.get, request, { format })).body;

  describe.each(FORMATS)('in %s', (format) => {
    test('a stored quota replaces the one of the configuration as a whole, until it is removed', async () => {
      expect(await get({ namespace: '_system' }, format)).toMatchObject({
        limits: { queues: 5, bytes_waiting: 5_000_000_000 },
        source: 'configured',
      });
      await setQuota(server, { namespace: '_system', limits: { partitions: 9 } }, format);
      const stored = await get({ namespace: '_system' }, format);
      expect(stored).toMatchObject({ limits: { partitions: 9 }, source: 'stored' });
      expect(stored.limits).toEqual({ partitions: 9 });
      await setQuota(server, { namespace: '_system', limits: {} }, format);
      expect(await get({ namespace: '_system' }, format)).toMatchObject({ limits: {}, source: 'stored' });
      await setQuota(server, { namespace: '_system' }, format);
      expect(await get({ namespace: '_system' }, format)).toMatchObject({ source: 'configured' });
    });

    test('every limit comes back as it was set, of a namespace and of a key', async () => {
      const { namespace, keyId } = await tenantWithQueue(server);
      expect(await get({ namespace }, format)).toMatchObject({
        limits: { items_per_second: 1_000 },
        source: 'default',
      });
      expect(await get({ key_id: keyId }, format)).toEqual({
        limits: {},
        source: 'none',
        usage: { processes: 1 },
      });
      for (const subject of [{ namespace }, { key_id: keyId }]) {
        await setQuota(server, { ...subject, limits: ALL }, format);
        expect(await get(subject, format)).toMatchObject({ limits: ALL, source: 'stored' });
      }
    });

    test('shows what is used, and how old that is', async () => {
      const { queue, key, keyId, namespace } = await tenantWithQueue(server);
      await setQuota(server, { namespace, limits: { items_waiting: 1_000 } }, format);
      await setQuota(server, { key_id: keyId, limits: { requests_per_second: 1_000 } }, format);
      for (let n = 0; n < 3; n++) {
        await call(server, queueEndpoints.produce, produceOf(queue, 2, 'four'), { key, format });
      }
      await pass(1_000);
      expect((await get({ key_id: keyId }, format)).usage).toEqual({
        requests_per_second: 3,
        items_per_second: 6,
        processes: 1,
      });
      expect((await get({ namespace }, format)).usage).toMatchObject({
        queues: 1,
        partitions: 1,
        items_waiting: 6,
        bytes_waiting: 24,
        sample_age: '1s',
        items_per_second: 6,
        processes: 1,
      });
      await pass(29_001);
      expect((await get({ namespace }, format)).usage).toMatchObject({ items_waiting: 6, sample_age: '0s' });
    });

    test('refuses what makes no sense', async () => {
      const refusal = async (request: object) =>
        (await call(server, endpointsV2.quotas.set, request, { format })).body.message;
      const one = 'namespace is invalid; exactly one of namespace and key_id must be set';
      expect(await refusal({ limits: {} })).toBe(one);
      expect(await refusal({ namespace: 'a', key_id: 'b' })).toBe(one);
      const limits = { items_waiting: -1 };
      expect(await refusal({ namespace: '_system', limits })).toBe(
        'items_waiting is invalid; cannot be negative',
      );
      expect(await refusal({ namespace: 'nowhere', limits: {} })).toBe(
        "namespace does not exist; 'nowhere' was not found",
      );
      expect(await refusal({ key_id: 'nothing', limits: {} })).toBe(
        "api key does not exist; 'nothing' was not found",
      );
    });
  });

  test('a quota goes with its key and its namespace', async () => {
    const { access, queues } = clientWith(server, ADMIN_KEY);
    const { namespace, keyId, userId, queue } = await tenantWithQueue(server);
    await setQuota(server, { namespace, limits: ALL });
    await setQuota(server, { key_id: keyId, limits: ALL });
    await access.usersDelete({ id: userId });
    await queues.delete({ queueName: queue });
    await access.rolesDelete({ namespace, name: 'member' });
    await access.namespacesDelete({ name: namespace });
    await access.namespacesCreate({ name: namespace });
    // A change counts within a second.
    await expect.poll(() => get({ namespace })).toMatchObject({ source: 'default' });
  });

  test('a limit beyond what a number can hold is refused', async () => {
    const body = '{"namespace":"_system","limits":{"bytes_waiting":9007199254740993}}';
    const reply = await server.post('/v2/quotas.set', body, { Authorization: `Bearer ${ADMIN_KEY}` });
    expect(reply).toMatchObject({ status: 455, message: expect.stringContaining('bytes_waiting') });
  });
});

describe.each(STORAGES)('quotas without access control on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage, { quotas: { namespaces: { _system: { 'items-waiting': 3 } } } });

  test('hold for namespaces, from the configuration and as they are set', async () => {
    await server.createQueue('open');
    const produce = () => server.post('/v1/queue.produce', produceOf('open', 2));
    expect(await produce()).toMatchObject({ status: 200 });
    expect(await produce()).toMatchObject({ status: 454 });
    const limits = { items_waiting: 4 };
    expect(await server.post('/v2/quotas.set', { namespace: '_system', limits })).toMatchObject({
      status: 200,
    });
    expect(await produce()).toMatchObject({ status: 200 });
    expect(await produce()).toMatchObject({ status: 454 });
    await server.restart(storage);
    const { json } = await server.post('/v2/quotas.get', { namespace: '_system' });
    expect(json).toMatchObject(
      storage === 'memory'
        ? { source: 'configured', limits: { items_waiting: 3 } }
        : { source: 'stored', limits },
    );
    if (storage === 'postgres') expect(await produce()).toMatchObject({ status: 454 });
  });
});

describe('a server without quotas', () => {
  const server = useServer('memory');

  test('says so', async () => {
    const refused = {
      status: 453,
      message: "quotas are not in use; switch access control on, or add 'quotas' to the configuration",
    };
    expect(await server.post('/v2/quotas.get', { namespace: '_system' })).toMatchObject(refused);
    expect(await server.post('/v2/quotas.set', { namespace: '_system', limits: {} })).toMatchObject(refused);
    expect((await server.post('/v2/server.info', {})).json.capabilities).not.toContain('quotas');
  });
});
