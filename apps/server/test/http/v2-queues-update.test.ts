import { endpointsV2 } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { callEndpoint } from '../support/call-endpoint.ts';
import { STORAGES, useServer } from '../support/test-server.ts';

describe.each(STORAGES)('/v2/queues.update on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  test.each(['json', 'protobuf'] as const)(
    'changes settings only as the caller has read them: %s',
    async (format) => {
      const queue_name = `update-${format}`;
      await server.createQueue(queue_name, { lease_timeout: '1m', reference: 'before' });
      const update = (message: object) =>
        callEndpoint(server.url, endpointsV2.queues.update, { format, message: { queue_name, ...message } });
      const { queue } = await callEndpoint(server.url, endpointsV2.queues.describe, {
        format,
        message: { queue_name },
      });
      const first = await update({ max_attempts: 5, reference: 'first', if_updated_at: queue.updated_at });
      expect(first).toMatchObject({ queue_name, lease_timeout: '1m0s', max_attempts: 5, reference: 'first' });
      expect(first.updated_at > queue.updated_at).toBe(true);
      const late = await update({ max_attempts: 9, if_updated_at: queue.updated_at });
      expect(late).toMatchObject({
        code: 400,
        message: `queue has changed; '${queue_name}' is not as it was at 'if_updated_at'`,
        details: { code: 'changed' },
      });
      const { json } = await server.post('/v1/queues.info', { queue_name });
      expect(json).toMatchObject({ max_attempts: 5, reference: 'first' });
      // Without the condition, the update overwrites the change of the other caller.
      expect(await update({ reference: 'second' })).toMatchObject({ reference: 'second' });
    },
  );
});
