import { endpointsV2 } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { callEndpoint, type Format } from '../support/call-endpoint.ts';
import { STORAGES, useServer } from '../support/test-server.ts';

const UNKNOWN_ID = '0'.repeat(27);
const lost = (id: string) => ({
  id,
  code: 'lease_lost',
  message: `invalid storage id; '${id}' does not exist`,
});
const malformed = (id: string) => ({
  id,
  code: 'no_such_item',
  message: `invalid storage id; '${id}': Valid encoded KSUIDs are 27 characters`,
});
let count = 0;
const fresh = () => `outcomes-${++count}`;

describe.each(STORAGES)('/v2/queue.complete and /v2/queue.retry on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  const call = (name: 'complete' | 'retry', format: Format, message: object) =>
    callEndpoint(server.url, endpointsV2.queue[name], { format, message });

  const complete = (format: Format, queue_name: string, ids: readonly string[]) =>
    call('complete', format, { queue_name, request_timeout: '5s', ids });

  async function leased(queue_name: string, batch_size: number): Promise<[string, ...string[]]> {
    const request = { queue_name, client_id: 'c', batch_size, request_timeout: '5s' };
    const { json } = await server.post('/v1/queue.lease', request);
    return json.items.map(({ id }: { id: string }) => id);
  }

  async function queueWith(count: number): Promise<string> {
    const queue_name = fresh();
    await server.createQueue(queue_name);
    const items = Array.from({ length: count }, (_, n) => ({ utf8: `${n}` }));
    await server.post('/v1/queue.produce', { queue_name, request_timeout: '5s', items });
    return queue_name;
  }

  const payloads = async (queue_name: string): Promise<string[]> => {
    const { json } = await server.post('/v1/storage/items.list', { queue_name });
    return (json.items ?? []).map(({ payload }: { payload: string }) =>
      Buffer.from(payload, 'base64').toString(),
    );
  };

  describe.each(['json', 'protobuf'] as const)('in %s', (format) => {
    test('complete removes what is leased, and answers each id', async () => {
      const queue_name = await queueWith(4);
      const [a, b, c] = (await leased(queue_name, 3)) as [string, string, string];
      const { json } = await server.post('/v1/storage/items.list', { queue_name });
      const waiting = json.items[3].id;
      const retry_at = new Date(Date.now() + 3_600_000).toISOString();
      await server.post('/v1/queue.retry', { queue_name, items: [{ id: b, retry_at }] });
      expect(await complete(format, queue_name, [c, UNKNOWN_ID, b, waiting, 'short', a])).toEqual({
        items: [
          { id: c },
          lost(UNKNOWN_ID),
          { ...lost(b), code: 'not_leased' },
          {
            id: waiting,
            code: 'not_leased',
            message: `item(s) cannot be completed; '${waiting}' is not marked as leased`,
          },
          malformed('short'),
          { id: a },
        ],
      });
      expect(await payloads(queue_name)).toEqual(['3']);
      expect(await complete(format, queue_name, [a])).toEqual({ items: [lost(a)] });
    });

    test('retry gives back what is leased, and answers each item', async () => {
      const queue_name = await queueWith(3);
      const [a, b, c] = (await leased(queue_name, 3)) as [string, string, string];
      await complete(format, queue_name, [b]);
      const items = [{ id: c }, { id: b }, { id: 'short' }, { id: a, dead: true }];
      expect(await call('retry', format, { queue_name, items })).toEqual({
        items: [{ id: c }, lost(b), malformed('short'), { id: a }],
      });
      expect(await payloads(queue_name)).toEqual(['2']);
      const [again] = await leased(queue_name, 1);
      expect(again > c).toBe(true);
    });

    test('one lost lease does not undo 999', async () => {
      const queue_name = await queueWith(999);
      const ids = await leased(queue_name, 999);
      const reply = (await complete(format, queue_name, [UNKNOWN_ID, ...ids])) as {
        items: { code?: string }[];
      };
      expect(reply.items).toHaveLength(1_000);
      expect(reply.items.filter(({ code }) => code !== undefined)).toEqual([lost(UNKNOWN_ID)]);
      expect(await payloads(queue_name)).toEqual([]);
    });

    test('a request that is not well formed is refused as a whole', async () => {
      const queue_name = await queueWith(1);
      const [a] = await leased(queue_name, 1);
      const twice = { code: 400, message: `invalid storage id; '${a}' is listed more than once` };
      expect(await complete(format, queue_name, [a, a])).toMatchObject(twice);
      expect(await call('retry', format, { queue_name, items: [{ id: a }, { id: a }] })).toMatchObject(twice);
      const ids = Array.from({ length: 1_001 }, (_, n) => `${n}`);
      expect(await complete(format, queue_name, ids)).toMatchObject({
        code: 400,
        message: 'ids is invalid; max_complete_batch_size is 1000 but received 1001',
      });
      expect(await payloads(queue_name)).toEqual(['0']);
    });
  });

  test('the calls of /v1/ are still all or nothing', async () => {
    const queue_name = await queueWith(2);
    const [a, b] = (await leased(queue_name, 2)) as [string, string];
    const ids = [a, UNKNOWN_ID, b];
    const { json } = await server.post('/v1/queue.complete', { queue_name, request_timeout: '5s', ids });
    expect(json).toMatchObject({ code: 400, details: { code: 'lease_lost' } });
    expect(await payloads(queue_name)).toEqual(['0', '1']);
  });
});
