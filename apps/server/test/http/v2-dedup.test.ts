import { type Endpoint, endpointsV2 } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { STORAGES, useServer } from '../support/test-server.ts';

let count = 0;
const fresh = () => `dedup-${++count}`;

describe.each(STORAGES)('dedup keys of /v2/queue.produce on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  const produce = (queue_name: string, items: readonly object[], rest: object = {}) =>
    server.post('/v2/queue.produce', { queue_name, request_timeout: '10s', items, ...rest });
  const textsIn = async (queue_name: string, partition = 0): Promise<string[]> => {
    const { json } = await server.post('/v1/storage/items.list', { queue_name, partition });
    return (json.items ?? []).map(({ payload }: { payload: string }) =>
      Buffer.from(payload, 'base64').toString(),
    );
  };
  const duplicates = (items: readonly object[]) => items.map((item) => ({ ...item, duplicate: true }));

  test('a repeated request gets the first ids, whatever its content', async () => {
    const q = fresh();
    await server.createQueue(q);
    const first = await produce(q, [{ utf8: 'a' }, { utf8: 'b' }], { dedup_key: 'k' });
    expect(first.json.items).toEqual([{ id: expect.any(String) }, { id: expect.any(String) }]);
    const second = await produce(q, [{ utf8: 'x' }, { utf8: 'y' }], { dedup_key: 'k', dedup_window: '336h' });
    expect(second.json.items).toEqual(duplicates(first.json.items));
    expect(await textsIn(q)).toEqual(['a', 'b']);
  });

  test('a key lasts also when its item was completed', async () => {
    const q = fresh();
    await server.createQueue(q);
    const first = await produce(q, [{ utf8: 'a', dedup_key: 'k' }]);
    const leased = await server.post('/v2/queue.lease', {
      ...{ queue_name: q, client_id: 'c', batch_size: 1, request_timeout: '10s' },
    });
    const ids = leased.json.items.map(({ id }: { id: string }) => id);
    expect(ids).toEqual([first.json.items[0].id]);
    await server.post('/v1/queue.complete', { queue_name: q, partition: 0, request_timeout: '10s', ids });
    const second = await produce(q, [{ utf8: 'a', dedup_key: 'k' }]);
    expect(second.json.items).toEqual(duplicates(first.json.items));
    expect(await textsIn(q)).toEqual([]);
  });

  test('a waiting consumer gets an item with a key', async () => {
    const q = fresh();
    await server.createQueue(q);
    const leased = server.post('/v2/queue.lease', {
      ...{ queue_name: q, client_id: 'c', batch_size: 1, request_timeout: '20s' },
    });
    const { json } = await produce(q, [{ utf8: 'a' }], { dedup_key: 'k' });
    expect((await leased).json.items).toMatchObject([{ id: json.items[0].id, attempts: 1 }]);
  });

  test('keys of items are judged one by one, over several partitions', async () => {
    const q = fresh();
    await server.createQueue(q, { requested_partitions: 4 });
    const keyed = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, n) => ({ utf8: `${from + n}`, dedup_key: `key ${from + n}` }));
    const first = (await produce(q, keyed(0, 40))).json.items;
    expect(new Set(first.map(({ partition = 0 }: { partition?: number }) => partition)).size).toBe(4);
    const second = (await produce(q, [...keyed(20, 60), { utf8: 'plain' }])).json.items;
    expect(second.slice(0, 20)).toEqual(duplicates(first.slice(20)));
    for (const item of second.slice(20)) expect(item).not.toHaveProperty('duplicate');
    const texts = (await Promise.all([0, 1, 2, 3].map((partition) => textsIn(q, partition)))).flat();
    expect(texts.sort()).toEqual([...Array.from({ length: 60 }, (_, n) => `${n}`), 'plain'].sort());
  });

  test('a key twice in a request is stored once', async () => {
    const q = fresh();
    await server.createQueue(q);
    const { json } = await produce(q, [
      { utf8: 'a', dedup_key: 'k' },
      { utf8: 'b', dedup_key: 'k' },
    ]);
    expect(json.items).toEqual([json.items[0], { ...json.items[0], duplicate: true }]);
    expect(await textsIn(q)).toEqual(['a']);
  });

  test('one key is stored once by many requests at the same time', async () => {
    const q = fresh();
    await server.createQueue(q, { requested_partitions: 2 });
    const replies = await Promise.all(
      Array.from({ length: 60 }, (_, n) => produce(q, [{ utf8: `${n}` }], { dedup_key: `key ${n % 3}` })),
    );
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    const stored = replies.filter(({ json }) => json.items[0].duplicate !== true);
    expect(stored).toHaveLength(3);
    const ids = new Set(replies.map(({ json }) => json.items[0].id));
    expect(ids.size).toBe(3);
    expect((await Promise.all([0, 1].map((partition) => textsIn(q, partition)))).flat()).toHaveLength(3);
  });

  test('a deleted queue takes its keys along', async () => {
    const q = fresh();
    await server.createQueue(q);
    await produce(q, [{ utf8: 'a' }], { dedup_key: 'k' });
    await server.post('/v1/queues.delete', { queue_name: q, force: true });
    await server.createQueue(q);
    const { json } = await produce(q, [{ utf8: 'b' }], { dedup_key: 'k' });
    expect(json.items).toEqual([{ id: expect.any(String) }]);
    expect(await textsIn(q)).toEqual(['b']);
  });

  test('protobuf says the same', async () => {
    const q = fresh();
    await server.createQueue(q);
    const { path, request, response } = endpointsV2.queue.produce as Endpoint<unknown, unknown>;
    const message = { queue_name: q, request_timeout: '10s', dedup_key: 'k', items: [{ utf8: 'a' }] };
    const send = async () => {
      const reply = await fetch(server.url + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/protobuf', Accept: 'application/protobuf' },
        body: Buffer.from(request.encode(request.fromJson(Buffer.from(JSON.stringify(message))))),
      });
      const bytes = new Uint8Array(await reply.arrayBuffer());
      return JSON.parse(Buffer.from(response.toJson(response.decode(bytes))).toString()).items;
    };
    const first = await send();
    expect(await send()).toEqual(duplicates(first));
  });

  test('v1 knows no keys', async () => {
    const q = fresh();
    await server.createQueue(q);
    const body = { queue_name: q, request_timeout: '10s', items: [{ utf8: 'a' }] };
    expect((await server.post('/v1/queue.produce', { ...body, dedup_key: 'k' })).status).toBe(455);
    const keyedItem = { ...body, items: [{ utf8: 'a', dedup_key: 'k' }] };
    expect((await server.post('/v1/queue.produce', keyedItem)).status).toBe(455);
  });

  test('server.info names the capability', async () => {
    const { json } = await server.post('/v2/server.info', {});
    expect(json.capabilities).toContain('queue.produce.dedup');
  });
});
