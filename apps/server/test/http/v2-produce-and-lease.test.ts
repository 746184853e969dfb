import { type Endpoint, endpointsV2 } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { STORAGES, useServer } from '../support/test-server.ts';

let count = 0;
const fresh = () => `v2-items-${++count}`;

describe.each(STORAGES)('/v2/queue.produce and /v2/queue.lease on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  describe.each(['json', 'protobuf'] as const)('in %s', (format) => {
    /** Sends a message given in JSON in the format, and reads the reply in it. */
    async function send(call: 'produce' | 'lease', message: object) {
      const { path, request, response } = endpointsV2.queue[call] as Endpoint<unknown, unknown>;
      const json = Buffer.from(JSON.stringify(message));
      const reply = await fetch(server.url + path, {
        method: 'POST',
        headers: { 'Content-Type': `application/${format}`, Accept: `application/${format}` },
        body: format === 'json' ? json : Buffer.from(request.encode(request.fromJson(json))),
      });
      const bytes = new Uint8Array(await reply.arrayBuffer());
      expect(reply.status).toBe(200);
      return JSON.parse(
        Buffer.from(format === 'json' ? bytes : response.toJson(response.decode(bytes))).toString(),
      );
    }

    const produce = (queue_name: string, items: readonly object[]) =>
      send('produce', { queue_name, request_timeout: '5s', items });
    const lease = (queue_name: string, batch_size: number, client_id = 'c') =>
      send('lease', { queue_name, client_id, batch_size, request_timeout: '5s' });

    test('a produce answers with the ids and the partition of its items, in order', async () => {
      const q = fresh();
      await server.createQueue(q);
      const enqueue_at = new Date(Date.now() + 3_600_000).toISOString();
      const one = await produce(q, [{ utf8: 'a' }]);
      const three = await produce(q, [{ utf8: 'b' }, { utf8: 'c', enqueue_at }, { utf8: 'd', kind: 'k' }]);
      expect(one.items).toEqual([{ id: expect.any(String) }]);
      const list = async (path: string) =>
        (await server.post(path, { queue_name: q, partition: 0 })).json.items.map(
          ({ id }: { id: string }) => id,
        );
      const ids = [...one.items, ...three.items].map(({ id }: { id: string }) => id);
      const [a, b, c, d] = ids;
      expect(await list('/v1/storage/items.list')).toEqual([a, b, d]);
      expect(await list('/v1/storage/scheduled.list')).toEqual([c]);
    });

    test('a produce for a waiting consumer answers with the id of the leased item', async () => {
      const q = fresh();
      await server.createQueue(q);
      const leased = lease(q, 5);
      const produced = await produce(q, [{ utf8: 'a' }, { utf8: 'b' }]);
      const { items } = await leased;
      expect(items.map(({ id }: { id: string }) => id)).toEqual(
        produced.items.slice(0, items.length).map(({ id }: { id: string }) => id),
      );
      expect(items[0]).toMatchObject({ attempts: 1, bytes: 'YQ==' });
    });

    test('a lease waits for a batch, and lasts as long as it asks for', async () => {
      const q = fresh();
      await server.createQueue(q);
      const options = { min_items: 3, max_wait: '20s', lease_timeout: '3m' };
      const leased = send('lease', {
        ...{ queue_name: q, client_id: 'c', batch_size: 5, request_timeout: '30s' },
        ...options,
      });
      await produce(q, [{ utf8: 'a' }, { utf8: 'b' }]);
      await produce(q, [{ utf8: 'c' }]);
      const { items } = await leased;
      expect(items).toHaveLength(3);
      const leftMs = Date.parse(items[0].lease_deadline) - Date.now();
      expect(leftMs).toBeGreaterThan(2 * 60_000);
      expect(leftMs).toBeLessThan(4 * 60_000);
    });

    test('a lease tells when the items entered the queue, and v1 does not', async () => {
      const q = fresh();
      await server.createQueue(q);
      await produce(q, [{ utf8: 'a' }, { utf8: 'b' }]);
      const { items } = await lease(q, 1);
      const [listed] = (await server.post('/v1/storage/items.list', { queue_name: q, partition: 0 })).json
        .items;
      expect(items).toHaveLength(1);
      expect(items[0].created_at).toBe(listed.created_at);
      const v1 = await server.post('/v1/queue.lease', {
        ...{ queue_name: q, client_id: 'c', batch_size: 1, request_timeout: '5s' },
      });
      expect(Object.keys(v1.json.items[0]).sort()).toEqual(['attempts', 'bytes', 'id', 'lease_deadline']);
    });
  });
});
