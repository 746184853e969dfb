import { createClient, producer } from '@querator/client';
import { describe, expect, test } from 'vitest';
import { STORAGES, useServer } from '../support/test-server.ts';

/** Every second answer to a produce is lost, after the server has stored the items. */
function losingFetch(): typeof fetch {
  let produces = 0;
  return async (url, init) => {
    const reply = await fetch(url, init);
    if (!String(url).endsWith('/queue.produce') || produces++ % 2 === 1) return reply;
    await reply.arrayBuffer();
    throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNRESET', message: 'reset' } });
  };
}

describe.each(STORAGES)('a producer whose answers are lost, on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);
  const client = () => createClient({ endpoint: server.url, fetch: losingFetch() });

  async function textsIn(queue_name: string): Promise<string[]> {
    const { json } = await server.post('/v1/storage/items.list', { queue_name, partition: 0 });
    return json.items.map(({ payload }: { payload: string }) => Buffer.from(payload, 'base64').toString());
  }

  test('stores each item once, in order, and knows the ids', async () => {
    await server.createQueue('repeated');
    await using items = producer(client(), { queue: 'repeated' });
    const texts = Array.from({ length: 20 }, (_, n) => `item ${n}`);
    const sent = [];
    for (const text of texts) sent.push(await items.send(Buffer.from(text)));
    expect(await textsIn('repeated')).toEqual(texts);
    const { json } = await server.post('/v1/storage/items.list', { queue_name: 'repeated', partition: 0 });
    expect(sent.map(({ id }) => id)).toEqual(json.items.map(({ id }: { id: string }) => id));
  });

  test('stores items with keys of their own once', async () => {
    await server.createQueue('keyed');
    await using items = producer(client(), { queue: 'keyed' });
    const sends = ['a', 'b', 'a', 'c'].map((key) => items.send(Buffer.from(key), { dedupKey: key }));
    const sent = await Promise.all(sends);
    expect(sent[2]?.id).toBe(sent[0]?.id);
    expect(await textsIn('keyed')).toEqual(['a', 'b', 'c']);
  });

  test('without keys fails instead of storing twice', async () => {
    await server.createQueue('unkeyed');
    await using items = producer(client(), { queue: 'unkeyed', dedup: false });
    await expect(items.send(Buffer.from('a'))).rejects.toMatchObject({ outcome: 'unknown' });
    expect(await textsIn('unkeyed')).toEqual(['a']);
  });
});
