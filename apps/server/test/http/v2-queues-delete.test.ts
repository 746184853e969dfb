import { codecs, codecsV2 } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { STORAGES, useServer } from '../support/test-server.ts';

let count = 0;
const fresh = () => `deleted-${++count}`;

describe.each(STORAGES)('/v2/queues.delete on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  async function remove(
    format: 'json' | 'protobuf',
    request: { readonly queueName: string; readonly force?: boolean },
  ): Promise<unknown> {
    const codec = codecsV2.QueuesDeleteRequest;
    const message = codec.create(request);
    const reply = await fetch(`${server.url}/v2/queues.delete`, {
      method: 'POST',
      headers: { 'Content-Type': `application/${format}`, Accept: `application/${format}` },
      body: Buffer.from(format === 'json' ? codec.toJson(message) : codec.encode(message)),
    });
    const bytes = new Uint8Array(await reply.arrayBuffer());
    const json = format === 'json' ? bytes : codecs.Reply.toJson(codecs.Reply.decode(bytes));
    return JSON.parse(Buffer.from(json).toString());
  }

  const produce = (queue_name: string, items: readonly object[]) =>
    server.post('/v1/queue.produce', { queue_name, request_timeout: '5s', items });
  const lease = (queue_name: string) =>
    server.post('/v1/queue.lease', { queue_name, client_id: 'c', batch_size: 1, request_timeout: '5s' });
  const exists = async (queue_name: string) =>
    (await server.post('/v1/queues.info', { queue_name })).status === 200;
  const notEmpty = (queueName: string, items: string) => ({
    code: 400,
    code_text: 'Bad Request',
    message: `queue is not empty; '${queueName}' holds ${items}, use force to delete them too`,
    details: { code: 'not_empty' },
  });

  describe.each(['json', 'protobuf'] as const)('in %s', (format) => {
    test('spares a queue with waiting, leased and scheduled items unless it is forced', async () => {
      const queueName = fresh();
      await server.createQueue(queueName, { requested_partitions: 2 });
      const enqueue_at = new Date(Date.now() + 3_600_000).toISOString();
      await produce(queueName, [{ utf8: 'a' }, { utf8: 'b' }]);
      await lease(queueName);
      await produce(queueName, [{ utf8: 'c', enqueue_at }]);
      expect(await remove(format, { queueName })).toEqual(notEmpty(queueName, '3 items'));
      expect(await exists(queueName)).toBe(true);
      expect((await lease(queueName)).json.items).toHaveLength(1);
      expect(await remove(format, { queueName, force: true })).toEqual({ code: 200 });
      expect(await exists(queueName)).toBe(false);
    });

    test('removes an empty queue, whether a call has used it or not', async () => {
      const [used, unused] = [fresh(), fresh()];
      await server.createQueue(used, { requested_partitions: 3 });
      await server.createQueue(unused, { requested_partitions: 3 });
      await produce(used, [{ utf8: 'a' }]);
      const { json } = await lease(used);
      const { partition, items } = json;
      const ids = items.map(({ id }: { id: string }) => id);
      await server.post('/v1/queue.complete', { queue_name: used, partition, request_timeout: '5s', ids });
      for (const queueName of [used, unused]) {
        expect(await remove(format, { queueName })).toEqual({ code: 200 });
        expect(await exists(queueName)).toBe(false);
      }
    });

    test('spares an empty dead-letter queue unless it is forced, as /v1/ does', async () => {
      const [queueName, source] = [fresh(), fresh()];
      await server.createQueue(queueName);
      await server.createQueue(source, { dead_queue: queueName });
      expect(await remove(format, { queueName })).toMatchObject({
        code: 400,
        message: expect.stringContaining(`queue is in use; '${queueName}' is the dead_queue of '${source}'`),
      });
      expect(await remove(format, { queueName, force: true })).toEqual({ code: 200 });
    });
  });

  test('/v1/queues.delete still removes a queue with items', async () => {
    const queueName = fresh();
    await server.createQueue(queueName);
    await produce(queueName, [{ utf8: 'a' }]);
    expect((await server.post('/v1/queues.delete', { queue_name: queueName })).json).toEqual({ code: 200 });
    expect(await exists(queueName)).toBe(false);
  });
});
