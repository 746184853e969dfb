import { endpointsV2, queueEndpoints, queuesEndpoints, storageEndpoints } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
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

describe.each(STORAGES)('rates on %s', { timeout: 60_000 }, (storage) => {
  const { server, pass } = useQuotaServer(storage);

  describe.each(FORMATS)('in %s', (format) => {
    test.each([
      { scope: false, subject: 'namespace' },
      { scope: true, subject: 'namespace' },
      { scope: false, subject: 'key' },
      { scope: true, subject: 'key' },
    ] as const)('requests beyond those of a $subject, with a scope: $scope', async ({ scope, subject }) => {
      const { queue, key, keyId, namespace } = await tenantWithQueue(server, { scope });
      const who = subject === 'key' ? { key_id: keyId } : { namespace };
      await setQuota(server, { ...who, limits: { requests_per_second: 4 } }, format);
      const produce = () => call(server, queueEndpoints.produce, produceOf(queue), { key, format });
      for (let n = 0; n < 4; n++) expect(await produce()).toMatchObject({ status: 200 });
      const refused = await produce();
      const named = subject === 'key' ? 'this api key' : `namespace '${namespace}'`;
      expect(refused).toMatchObject({
        status: 429,
        body: {
          code: 429,
          code_text: 'Too Many Requests',
          message: `too many requests; ${named} may make 4 requests a second, try again later`,
          details: { code: 'over_limit', retry_after: '250ms' },
        },
      });
      expect(refused.headers.get('retry-after')).toBe('1');
      await pass(249);
      expect(await produce()).toMatchObject({ status: 429 });
      await pass(1);
      expect(await produce()).toMatchObject({ status: 200 });
      expect(await produce()).toMatchObject({ status: 429 });
      await pass(3_000);
      for (let n = 0; n < 4; n++) expect(await produce()).toMatchObject({ status: 200 });
      expect(await produce()).toMatchObject({ status: 429 });
    });

    test('items of produce and import beyond those of a namespace', async () => {
      const { queue, key, namespace } = await tenantWithQueue(server);
      await setQuota(server, { namespace, limits: { items_per_second: 10 } }, format);
      const produce = (items: number) =>
        call(server, queueEndpoints.produce, produceOf(queue, items), { key, format });
      const importing = (items: number) => {
        const request = { queue_name: queue, partition: 0, items: Array.from({ length: items }, () => ({})) };
        return call(server, storageEndpoints.itemsImport, request, { key, format });
      };
      expect(await produce(3)).toMatchObject({ status: 200 });
      expect(await importing(6)).toMatchObject({ status: 200 });
      for (const refused of [await produce(2), await importing(2)]) {
        expect(refused).toMatchObject({
          status: 429,
          body: {
            message: `too many items; namespace '${namespace}' may produce 10 items a second, try again later`,
            details: { code: 'over_limit', retry_after: '100ms' },
          },
        });
      }
      expect(await produce(1)).toMatchObject({ status: 200 });
      // Leases bring no items.
      const leased = await call(server, queueEndpoints.lease, leaseOf(queue, 100), { key, format });
      expect(leased.body.items).toHaveLength(10);
      const tooMany = await produce(11);
      expect(tooMany).toMatchObject({
        status: 429,
        body: {
          message:
            `too many items; namespace '${namespace}' may produce 10 items a second but the request has 11, ` +
            'send fewer at a time',
          details: { code: 'over_limit', retry_after: '1.1s' },
        },
      });
      expect(tooMany.headers.get('retry-after')).toBe('2');
    });
  });

  test('calls on schedules count for their namespace', async () => {
    const { schedules } = endpointsV2;
    const { namespace, queue } = await tenantWithQueue(server);
    const named = { namespace, name: 'nightly' };
    const settings = { cron: '0 0 1 1 *', time_zone: 'UTC', missed: 'one', item: { utf8: 'a' } };
    const create = { name: named.name, queue_name: queue, ...settings };
    expect(await call(server, schedules.create, create)).toMatchObject({ status: 200 });
    await setQuota(server, { namespace, limits: { requests_per_second: 1 } });
    for (const [endpoint, request] of [
      [schedules.list, { namespace }],
      [schedules.pause, named],
      [schedules.resume, named],
      [schedules.delete, named],
    ] as const) {
      expect(await call(server, endpoint, request)).toMatchObject({ status: 200 });
      expect(await call(server, schedules.list, { namespace })).toMatchObject({ status: 429 });
      await pass(1_000);
    }
  });

  test('completing and giving back is never refused, and counts', async () => {
    const { queue, key, namespace } = await tenantWithQueue(server);
    await call(server, queueEndpoints.produce, produceOf(queue, 6), { key });
    await setQuota(server, {
      namespace,
      limits: { requests_per_second: 2, items_per_second: 2, items_waiting: 2 },
    });
    const leased = await call(server, queueEndpoints.lease, leaseOf(queue, 6), { key });
    const [a, b, c, d, e, f] = leased.body.items.map(({ id }: { readonly id: string }) => id);
    const of = { queue_name: queue, request_timeout: '5s' };
    for (const id of [a, b, c]) {
      expect(await call(server, queueEndpoints.complete, { ...of, ids: [id] }, { key })).toMatchObject({
        status: 200,
      });
    }
    for (const id of [d, e]) {
      const retry = { queue_name: queue, items: [{ id }] };
      expect(await call(server, queueEndpoints.retry, retry, { key })).toMatchObject({ status: 200 });
    }
    const extend = { queue_name: queue, request_timeout: '5s', lease_timeout: '1m', ids: [f] };
    expect(await call(server, endpointsV2.queue.extend, extend, { key })).toMatchObject({ status: 200 });
    // They were counted, up to one second's requests.
    const refused = await call(server, queueEndpoints.stats, { queue_name: queue }, { key });
    expect(refused.body.details.retry_after).toBe('1.5s');
  });

  test('a flood of completes of items that are not leased is refused', async () => {
    const { queue, key, namespace } = await tenantWithQueue(server);
    await call(server, queueEndpoints.produce, produceOf(queue, 2), { key });
    const { body } = await call(server, queueEndpoints.lease, leaseOf(queue, 1), { key });
    await setQuota(server, { namespace, limits: { requests_per_second: 3 } });
    const complete = (ids: string[]) =>
      call(server, queueEndpoints.complete, { queue_name: queue, request_timeout: '5s', ids }, { key });
    for (let n = 0; n < 3; n++) expect(await complete(['unknown'])).toMatchObject({ status: 400 });
    expect(await complete(['unknown'])).toMatchObject({ status: 429 });
    await pass(1_000);
    expect(await complete([body.items[0].id])).toMatchObject({ status: 200 });

    // Under /v2/, such a complete is answered with 200, and counts as well.
    const each = { queue_name: queue, request_timeout: '5s', ids: [body.items[0].id] };
    const completeEach = () => call(server, endpointsV2.queue.complete, each, { key });
    await pass(1_000);
    for (let n = 0; n < 3; n++) {
      expect(await completeEach()).toMatchObject({ status: 200, body: { items: [{ code: 'lease_lost' }] } });
    }
    expect(await completeEach()).toMatchObject({ status: 429 });
  });

  test('others cannot use up the limits of a namespace', async () => {
    const { queue, key, namespace } = await tenantWithQueue(server);
    const other = await tenantWithQueue(server);
    await setQuota(server, { namespace, limits: { requests_per_second: 1 } });
    for (let n = 0; n < 3; n++) {
      const of = { key: other.key };
      expect(await call(server, queueEndpoints.produce, produceOf(queue), of)).toMatchObject({ status: 403 });
      expect(await call(server, queuesEndpoints.list, { namespace }, of)).toMatchObject({ status: 403 });
    }
    expect(await call(server, queueEndpoints.produce, produceOf(queue), { key })).toMatchObject({
      status: 200,
    });
    expect(await call(server, queuesEndpoints.list, { namespace }, { key })).toMatchObject({ status: 429 });
    // The other namespace has no limit.
    for (let n = 0; n < 5; n++) {
      expect(
        await call(server, queueEndpoints.produce, produceOf(other.queue), { key: other.key }),
      ).toMatchObject({
        status: 200,
      });
    }
  });

  test('the administration goes on while a namespace is at its limit', async () => {
    const { queue, key, namespace } = await tenantWithQueue(server);
    await setQuota(server, { namespace, limits: { requests_per_second: 1 } });
    const produce = () => call(server, queueEndpoints.produce, produceOf(queue), { key });
    expect([(await produce()).status, (await produce()).status]).toEqual([200, 429]);
    await setQuota(server, { namespace, limits: { requests_per_second: 100 } });
    await produce();
    await pass(20);
    expect(await produce()).toMatchObject({ status: 200 });
    await setQuota(server, { namespace });
    for (let n = 0; n < 5; n++) expect(await produce()).toMatchObject({ status: 200 });
  });

  test('the key and the namespace of a call both count', async () => {
    const { queue, key, keyId, namespace } = await tenantWithQueue(server);
    await setQuota(server, { namespace, limits: { requests_per_second: 3 } });
    await setQuota(server, { key_id: keyId, limits: { requests_per_second: 2 } });
    const produce = (by = key) => call(server, queueEndpoints.produce, produceOf(queue), { key: by });
    expect(await produce()).toMatchObject({ status: 200 });
    expect(await produce()).toMatchObject({ status: 200 });
    expect((await produce()).body.message).toContain('this api key');
    // The administrator's key has no limit, but the namespace has.
    expect(await call(server, queueEndpoints.produce, produceOf(queue))).toMatchObject({ status: 200 });
    expect((await call(server, queueEndpoints.produce, produceOf(queue))).body.message).toContain(
      'namespace',
    );
  });
});
