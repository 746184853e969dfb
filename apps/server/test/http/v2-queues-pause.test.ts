import { endpointsV2 } from '@querator/protocol';
import { describe, expect, test, vi } from 'vitest';
import { callEndpoint, type Format } from '../support/call-endpoint.ts';
import { STORAGES, useServer } from '../support/test-server.ts';

let count = 0;
const fresh = () => `paused-${++count}`;

describe.each(STORAGES)('/v2/queues.pause and resume on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  const call = (format: Format, verb: 'pause' | 'resume', message: object) =>
    callEndpoint(server.url, endpointsV2.queues[verb], { format, message });

  const produce = (queue_name: string, utf8: string) =>
    server.post('/v1/queue.produce', { queue_name, request_timeout: '5s', items: [{ utf8 }] });
  const lease = (queue_name: string, request_timeout = '30s') =>
    server.post('/v1/queue.lease', { queue_name, client_id: 'c', batch_size: 1, request_timeout });

  describe.each(['json', 'protobuf'] as const)('in %s', (format) => {
    test('a paused queue refuses producers and lets consumers wait, until it is resumed', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name);
      await produce(queue_name, 'a');
      const until = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, '.123');
      expect(await call(format, 'pause', { queue_name, produce: true, until })).toEqual({
        produce: { until },
      });
      const both = await call(format, 'pause', { queue_name, lease: true });
      expect(Object.keys(both)).toEqual(['produce', 'lease']);
      const refused = await produce(queue_name, 'b');
      expect(refused).toMatchObject({
        status: 454,
        json: {
          message: 'queue is paused; try again later',
          details: { code: 'queue_paused', retry_after: expect.stringMatching(/^\d/) },
        },
      });
      const waiting = lease(queue_name);
      await vi.waitFor(async () => {
        const { json } = await server.post('/v1/queue.stats', { queue_name });
        expect(json.logicalQueues[0].lease_waiting).toBe(1);
      });
      expect(await call(format, 'resume', { queue_name })).toEqual({});
      expect((await waiting).json.items).toHaveLength(1);
      expect((await produce(queue_name, 'b')).status).toBe(200);
    });

    test('a request that names nothing and a time that has passed are refused', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name);
      const refused = (message: string) => ({ code: 400, code_text: 'Bad Request', message });
      expect(await call(format, 'pause', { queue_name })).toEqual(
        refused("invalid pause request; one of 'produce', 'lease' must be true"),
      );
      const until = '2020-01-01T00:00:00Z';
      expect(await call(format, 'pause', { queue_name, lease: true, until })).toEqual(
        refused('until is invalid; it must be in the future'),
      );
      expect((await produce(queue_name, 'a')).status).toBe(200);
    });
  });
});
