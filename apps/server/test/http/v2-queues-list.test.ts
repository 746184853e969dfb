import { endpointsV2 } from '@querator/protocol';
import { describe, expect, test, vi } from 'vitest';
import { callEndpoint, type Format } from '../support/call-endpoint.ts';
import { STORAGES, useServer } from '../support/test-server.ts';

const { list } = endpointsV2.queues;

describe.each(STORAGES)('v2/queues.list on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);
  const call = (message: object, format: Format = 'json') =>
    // biome-ignore lint/suspicious/noExplicitAny: the test reads what it expects.
    callEndpoint(server.url, list, { format, message }) as Promise<any>;

  test('shows queues in pages, with counts once they were counted', async () => {
    await server.createQueue('dead');
    await server.createQueue('mail', { dead_queue: 'dead' });
    const items = ['a', 'b'].map((utf8) => ({ utf8 }));
    await server.post('/v1/queue.produce', { queue_name: 'mail', request_timeout: '5s', items });
    const expected = {
      queue_name: 'mail',
      namespace: '_system',
      dead_queue: 'dead',
      partitions: 1,
      storages: ['store-0'],
      waiting: 2,
      head_age: expect.stringMatching(/s$/),
      count_age: expect.any(String),
    };
    await vi.waitFor(async () => expect((await call({ filter: 'MAI' })).items).toEqual([expected]), {
      timeout: 20_000,
      interval: 20,
    });
    const both = await call({ sort: 'waiting', descending: true, limit: 1 });
    expect(both).toMatchObject({ total: 2, items: [{ queue_name: 'mail' }] });
    const next = await call({ sort: 'waiting', descending: true, limit: 1, cursor: both.cursor }, 'protobuf');
    expect(next).toMatchObject({ total: 2, items: [{ queue_name: 'dead' }] });
    expect(next.cursor).toBeUndefined();
    expect((await call({ with_rates: true })).items[0]).not.toHaveProperty('minutes');
  });
});
