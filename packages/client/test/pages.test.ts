import { codecs, queuesEndpoints, storageEndpoints } from '@querator/protocol';
import { expect, test } from 'vitest';
import { createClient, listItems, listQueues, listScheduled } from '../src/index.ts';
import { FakeServer } from './support/fake-server.ts';

const IDS = Array.from({ length: 7 }, (_, n) => `id-${n}`);

/** A server whose pages start at the pivot and end after `most` elements, for any limit. */
function serverWith(most: number, keys: readonly string[] = IDS) {
  const asked: { pivot: string; limit: number }[] = [];
  const page = ({ pivot, limit }: { pivot: string; limit: number }) => {
    asked.push({ pivot, limit });
    return keys.filter((key) => key >= pivot).slice(0, Math.min(limit, most));
  };
  const server = new FakeServer();
  for (const list of [storageEndpoints.itemsList, storageEndpoints.scheduledList]) {
    server.on(list, (request) =>
      codecs.StorageItemsListResponse.create({ items: page(request).map((id) => ({ id })) }),
    );
  }
  server.on(queuesEndpoints.list, (request) =>
    codecs.QueuesListResponse.create({ items: page(request).map((queueName) => ({ queueName })) }),
  );
  const client = createClient({ endpoint: 'http://queue.test', fetch: server.fetch });
  return { client, asked, server };
}

async function all<T>(list: AsyncGenerator<T>): Promise<T[]> {
  const elements: T[] = [];
  for await (const element of list) elements.push(element);
  return elements;
}

test.each([2, 3, 6, 7, 8, 1_000])('continues although pages end after %s items', async (most) => {
  const { client } = serverWith(most);
  const which = { queueName: 'q', partition: 0 };
  expect((await all(listItems(client, which))).map(({ id }) => id)).toEqual(IDS);
  expect((await all(listScheduled(client, which))).map(({ id }) => id)).toEqual(IDS);
  expect((await all(listQueues(client))).map(({ queueName }) => queueName)).toEqual(IDS);
});

test('requests pages of the given size, from the given name', async () => {
  const { client, asked, server } = serverWith(1_000);
  const queues = await all(listQueues(client, { namespace: 'ns', from: 'id-4', pageSize: 2 }));
  expect(queues.map(({ queueName }) => queueName)).toEqual(['id-4', 'id-5', 'id-6']);
  expect(asked).toEqual(
    ['id-4', 'id-5', 'id-6'].map((pivot) => expect.objectContaining({ pivot, limit: 2 })),
  );
  expect(server.received[0]?.request).toMatchObject({ namespace: 'ns' });
});

test('requests no page that the caller does not read', async () => {
  const { client, asked } = serverWith(3);
  for await (const { id } of listItems(client, { queueName: 'q', partition: 0 })) if (id === 'id-1') break;
  expect(asked).toHaveLength(1);
});

test('ends with an empty list', async () => {
  const { client, asked } = serverWith(3, []);
  expect(await all(listQueues(client))).toEqual([]);
  expect(asked).toHaveLength(1);
});

test.each([1, 0, -1, 1.5, Number.NaN])('refuses pages of %s', async (pageSize) => {
  const { client } = serverWith(3);
  await expect(all(listQueues(client, { pageSize }))).rejects.toThrow('pageSize is invalid');
});
