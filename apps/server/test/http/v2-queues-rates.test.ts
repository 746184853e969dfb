import { endpointsV2 } from '@querator/protocol';
import { describe, expect, test, vi } from 'vitest';
import { callEndpoint, type Format } from '../support/call-endpoint.ts';
import { STORAGES, useServer } from '../support/test-server.ts';

describe.each(STORAGES)('/v2/queues.rates on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  const rates = (format: Format, message: object) =>
    callEndpoint(server.url, endpointsV2.queues.rates, { format, message });

  test('tells what happened to the items of a queue', async () => {
    const queue_name = 'busy';
    await server.createQueue(queue_name, { max_attempts: 1 });
    const items = Array.from({ length: 4 }, () => ({ utf8: 'x' }));
    await server.post('/v1/queue.produce', { queue_name, request_timeout: '5s', items });
    const lease = { queue_name, client_id: 'a', batch_size: 3, request_timeout: '5s' };
    const { json: leased } = await server.post('/v1/queue.lease', lease);
    const [completed, dead] = leased.items.map(({ id }: { id: string }) => id);
    await server.post('/v1/queue.complete', { queue_name, request_timeout: '5s', ids: [completed] });
    await server.post('/v1/queue.retry', { queue_name, items: [{ id: dead, dead: true }] });
    // A server adds what happened every ten seconds.
    const minutes = await vi.waitFor(
      async () => {
        const { minutes = [] } = await rates('json', { queue_name });
        expect(minutes.length).toBeGreaterThan(0);
        return minutes;
      },
      { timeout: 30_000, interval: 200 },
    );
    const sum = (name: string) =>
      minutes.reduce((all: number, each: Record<string, number>) => all + (each[name] ?? 0), 0);
    expect(['produced', 'leased', 'completed', 'dead'].map(sum)).toEqual([4, 3, 1, 1]);
    expect(minutes[0].minute).toMatch(/:00Z$/);
    const binary = await rates('protobuf', { queue_name, span: '24h' });
    expect(binary).toEqual({ now: expect.any(String), minutes });
  });

  test.each(['json', 'protobuf'] as const)('refuses what it cannot tell, in %s', async (format) => {
    await server.createQueue(`idle-${format}`);
    const idle = { queue_name: `idle-${format}` };
    expect(await rates(format, idle)).toEqual({ now: expect.any(String) });
    expect(await rates(format, { ...idle, span: '25h' })).toMatchObject({
      code: 400,
      message: "span is invalid; must be from '1s' to '24h0m0s'",
    });
    expect(await rates(format, { ...idle, span: '1d' })).toMatchObject({
      code: 400,
      message: expect.stringMatching(/^span is invalid; .* - expected format: 1h, 30m or 24h$/),
    });
    expect(await rates(format, { queue_name: 'missing' })).toMatchObject({
      code: 400,
      details: { code: 'no_such_queue' },
    });
  });
});
