import { endpointsV2 } from '@querator/protocol';
import { describe, expect, test, vi } from 'vitest';
import { callEndpoint, type Format } from '../support/call-endpoint.ts';
import { STORAGES, useServer } from '../support/test-server.ts';

let count = 0;

describe.each(STORAGES)('/v2/queues.describe on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  const call = (format: Format, message: object) =>
    callEndpoint(server.url, endpointsV2.queues.describe, { format, message });

  test.each(['json', 'protobuf'] as const)('shows a queue with its partitions in %s', async (format) => {
    const queue_name = `described-${++count}`;
    await server.createQueue(queue_name, { requested_partitions: 2, max_attempts: 3 });
    // Keys that are stored during a count may be counted twice.
    await vi.waitFor(async () => {
      const { partitions } = await call(format, { queue_name });
      const ages = partitions.map((each: { dedup_keys_age?: string }) => each.dedup_keys_age);
      expect(ages).toEqual([expect.any(String), expect.any(String)]);
    }, 30_000);
    const items = [
      { utf8: 'a', dedup_key: 'k1' },
      { utf8: 'b', dedup_key: 'k2' },
      { utf8: 'c', enqueue_at: '2100-01-01T00:00:00Z', dedup_key: 'k3' },
    ];
    await server.post('/v2/queue.produce', { queue_name, request_timeout: '5s', items });
    await server.post('/v2/queues.pause', { queue_name, lease: true });
    await vi.waitFor(async () => {
      expect(await call(format, { queue_name })).toMatchObject({
        queue: { queue_name, max_attempts: 3, lease_timeout: '1m0s', namespace: '_system' },
        pause: { lease: {} },
        ...{ waiting: 2, scheduled: 1, dedup_keys: 3 },
        ...{ count_age: expect.any(String), head_age: expect.any(String) },
        partitions: [
          { storage_name: 'store-0', state: 'open', health: 'in_service', count_age: expect.any(String) },
          { partition: 1, dedup_keys_age: expect.any(String) },
        ],
      });
    }, 30_000);
    const { json } = await server.post('/v1/queues.info', { queue_name });
    const { queue } = await call(format, { queue_name });
    expect({ ...queue, updated_at: json.updated_at }).toEqual(json);
    expect(await call(format, { queue_name: 'missing' })).toMatchObject({
      code: 400,
      details: { code: 'no_such_queue' },
    });
  });
});
