import { endpointsV2, queueEndpoints, queuesEndpoints, storageEndpoints } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { fresh } from '../access/support/access-server.ts';
import { STORAGES } from '../support/test-server.ts';
import {
  call,
  FORMATS,
  leaseOf,
  produceOf,
  setQuota,
  tenantWithQueue,
  useQuotaServer,
} from './support/quota-server.ts';

const SECOND_MS = 1_000;

describe.each(STORAGES)('stocks on %s', { timeout: 60_000 }, (storage) => {
  const { server, pass } = useQuotaServer(storage);

  /** What a namespace uses, after a new sample. */
  const usageOf = async (namespace: string) => {
    await pass(30 * SECOND_MS + 1);
    return (await call(server, endpointsV2.quotas.get, { namespace })).body.usage;
  };

  describe.each(FORMATS)('in %s', (format) => {
    test('items of produce and import beyond those of a namespace', async () => {
      const { queue, key, namespace } = await tenantWithQueue(server);
      const produce = (items: number) =>
        call(server, queueEndpoints.produce, produceOf(queue, items), { key, format });
      const importing = (items: number) => {
        const request = { queue_name: queue, partition: 0, items: Array.from({ length: items }, () => ({})) };
        return call(server, storageEndpoints.itemsImport, request, { key, format });
      };
      // Items that were there before count too.
      expect(await produce(4)).toMatchObject({ status: 200 });
      await setQuota(server, { namespace, limits: { items_waiting: 10 } }, format);
      expect(await importing(7)).toMatchObject({ status: 454 });
      expect(await importing(5)).toMatchObject({ status: 200 });
      expect(await produce(2)).toEqual({
        status: 454,
        headers: expect.anything(),
        body: {
          code: 454,
          code_text: 'Retry Request',
          message: `quota exceeded; namespace '${namespace}' may hold 10 items and holds 9, try again later`,
          details: { code: 'over_limit' },
        },
      });
      expect(await produce(1)).toMatchObject({ status: 200 });
      expect(await produce(1)).toMatchObject({ status: 454 });

      // Leased items still count; completed ones do not.
      const leased = await call(server, queueEndpoints.lease, leaseOf(queue, 6), { key, format });
      await pass(SECOND_MS);
      expect(await produce(1)).toMatchObject({ status: 454 });
      const ids = leased.body.items.map(({ id }: { readonly id: string }) => id);
      const completed = { queue_name: queue, partition: 0, request_timeout: '5s', ids };
      expect(await call(server, queueEndpoints.complete, completed, { key, format })).toMatchObject({
        status: 200,
      });
      await pass(SECOND_MS + 1);
      expect(await produce(6)).toMatchObject({ status: 200 });
      expect(await produce(1)).toMatchObject({ status: 454 });
    });

    test('bytes beyond those of a namespace', async () => {
      const { queue, key, namespace } = await tenantWithQueue(server);
      await setQuota(server, { namespace, limits: { bytes_waiting: 1_000 } }, format);
      const produce = (bytes: number) =>
        call(server, queueEndpoints.produce, produceOf(queue, 1, 'x'.repeat(bytes)), { key, format });
      expect(await produce(1_001)).toMatchObject({
        status: 454,
        body: {
          message: `quota exceeded; namespace '${namespace}' may hold 1000 bytes of items and holds 0, try again later`,
        },
      });
      expect(await produce(600)).toMatchObject({ status: 200 });
      expect(await produce(401)).toMatchObject({ status: 454 });
      expect(await produce(400)).toMatchObject({ status: 200 });
      expect(await usageOf(namespace)).toMatchObject({ items_waiting: 2, bytes_waiting: 1_000 });
    });

    test('queues and partitions beyond those of a namespace', async () => {
      const { key, namespace } = await tenantWithQueue(server);
      await setQuota(server, { namespace, limits: { queues: 3, partitions: 6 } }, format);
      const first = fresh('first');
      const create = (requested_partitions: number, queue_name = fresh('created')) => {
        const settings = { lease_timeout: '1m', expire_timeout: '1h', namespace, requested_partitions };
        return call(server, queuesEndpoints.create, { queue_name, ...settings }, { key, format });
      };
      expect(await create(6)).toMatchObject({
        status: 454,
        body: {
          message: `quota exceeded; namespace '${namespace}' may hold 6 partitions and holds 1, try again later`,
          details: { code: 'over_limit' },
        },
      });
      expect(await create(1, first)).toMatchObject({ status: 200 });
      const together = await Promise.all([create(2), create(2), create(2)]);
      expect(together.map(({ status }) => status).sort()).toEqual([200, 454, 454]);
      const refused = await create(1);
      expect(refused).toMatchObject({
        status: 454,
        body: {
          message: `quota exceeded; namespace '${namespace}' may hold 3 queues and holds 3, try again later`,
        },
      });
      // A client may create its queue at each start. The answer is the same as without a quota.
      expect(await create(1, first)).toMatchObject({
        status: 400,
        body: { details: { code: 'queue_exists' } },
      });
      await call(server, queuesEndpoints.delete, { queue_name: first }, { key, format });
      expect(await create(3)).toMatchObject({ status: 200 });
      expect(await usageOf(namespace)).toMatchObject({ queues: 3, partitions: 6 });
    });

    test('further partitions of a queue beyond those of a namespace', async () => {
      const { queue, key, namespace } = await tenantWithQueue(server);
      await setQuota(server, { namespace, limits: { queues: 1, partitions: 3 } }, format);
      const resize = (partitions: number) =>
        call(
          server,
          endpointsV2.tasks.create,
          { kind: 'resize', queue_name: queue, partitions },
          { key, format },
        );
      expect(await resize(4)).toMatchObject({
        status: 454,
        body: {
          message: `quota exceeded; namespace '${namespace}' may hold 3 partitions and holds 1, try again later`,
          details: { code: 'over_limit' },
        },
      });
      expect(await resize(3)).toMatchObject({ status: 200, body: { kind: 'resize' } });
    });
  });

  test('a key with a lower limit is refused while others go on', async () => {
    const { queue, key, keyId, namespace } = await tenantWithQueue(server);
    await setQuota(server, { key_id: keyId, limits: { items_waiting: 2 } });
    const produce = (items: number, by?: string) =>
      call(server, queueEndpoints.produce, produceOf(queue, items), by === undefined ? {} : { key: by });
    expect(await produce(5)).toMatchObject({ status: 200 });
    expect(await produce(1, key)).toMatchObject({
      status: 454,
      body: {
        message: `quota exceeded; with this api key, namespace '${namespace}' may hold 2 items and holds 5, try again later`,
      },
    });
    expect(await produce(1)).toMatchObject({ status: 200 });
  });

  test('dead letters and retries enter a namespace that is full', async () => {
    const { queue: dead, namespace } = await tenantWithQueue(server);
    const settings = { namespace, deadQueue: dead, maxAttempts: 1 };
    const { queue } = await tenantWithQueue(server, { settings });
    await call(server, queueEndpoints.produce, produceOf(queue, 2));
    await call(server, queueEndpoints.produce, produceOf(dead, 2));
    await setQuota(server, { namespace, limits: { items_waiting: 1, items_per_second: 1 } });
    const leased = await call(server, queueEndpoints.lease, leaseOf(queue, 2));
    const items = leased.body.items.map(({ id }: { readonly id: string }) => ({ id, dead: true }));
    expect(await call(server, queueEndpoints.retry, { queue_name: queue, items })).toMatchObject({
      status: 200,
    });
    const letters = async () =>
      (await call(server, storageEndpoints.itemsList, { queue_name: dead })).body.items.length;
    while ((await letters()) < 4);
    const again = await call(server, queueEndpoints.lease, leaseOf(dead, 1));
    const back = { queue_name: dead, items: [{ id: again.body.items[0].id }] };
    expect(await call(server, queueEndpoints.retry, back)).toMatchObject({ status: 200 });
    expect(await call(server, queueEndpoints.produce, produceOf(dead))).toMatchObject({ status: 454 });
  });

  test('items that a task moves to a namespace that is full wait until it has room', async () => {
    const { queue: to, namespace } = await tenantWithQueue(server);
    const { queue } = await tenantWithQueue(server);
    await call(server, queueEndpoints.produce, produceOf(queue, 5));
    await setQuota(server, { namespace, limits: { items_waiting: 3 } });
    const request = { kind: 'move', queue_name: queue, to };
    const { id } = (await call(server, endpointsV2.tasks.create, request)).body;
    const task = async () => (await call(server, endpointsV2.tasks.get, { id })).body;
    while ((await task()).error === undefined);
    expect(await task()).toMatchObject({
      ...{ state: 'running', done: 3 },
      error: `quota exceeded; namespace '${namespace}' may hold 3 items and holds 3, try again later`,
    });
    const leased = await call(server, queueEndpoints.lease, leaseOf(to, 3));
    const ids = leased.body.items.map(({ id: item }: { readonly id: string }) => item);
    const completed = { queue_name: to, partition: 0, request_timeout: '5s', ids };
    await call(server, queueEndpoints.complete, completed);
    while ((await task()).state === 'running') await pass(SECOND_MS + 1);
    expect(await task()).toMatchObject({ state: 'done', done: 5 });
  });

  test('items that could not be stored do not count', async () => {
    const { queue, key, namespace } = await tenantWithQueue(server);
    await setQuota(server, { namespace, limits: { items_waiting: 3 } });
    for (let n = 0; n < 5; n++) {
      const bad = { ...produceOf(queue, 3), request_timeout: '1h' };
      expect(await call(server, queueEndpoints.produce, bad, { key })).toMatchObject({ status: 400 });
    }
    expect(await call(server, queueEndpoints.produce, produceOf(queue, 3), { key })).toMatchObject({
      status: 200,
    });
    expect(await call(server, queueEndpoints.produce, produceOf(queue), { key })).toMatchObject({
      status: 454,
    });
  });
});
