import { describe, expect, test } from 'vitest';
import { useServer } from '../support/test-server.ts';

const server = useServer('memory');

/** A list of empty elements, in JSON and in protobuf. The lists of these requests have field number 3 or 4. */
const listOf = (count: number, element: string) => `[${`${element},`.repeat(count - 1)}${element}]`;

const ITEMS = [
  { path: '/v1/queue.produce', list: 'items', element: '{}', limit: 1_000, name: 'max_produce_batch_size' },
  { path: '/v1/queue.complete', list: 'ids', element: '"x"', limit: 1_000, name: 'max_complete_batch_size' },
  { path: '/v1/queue.retry', list: 'items', element: '{}', limit: 1_000, name: 'max_complete_batch_size' },
  {
    path: '/v1/storage/items.import',
    list: 'items',
    element: '{}',
    limit: 65_536,
    name: 'max_import_batch_size',
  },
  {
    path: '/v1/storage/items.delete',
    list: 'ids',
    element: '"x"',
    limit: 10_000,
    name: 'max_delete_batch_size',
  },
];

describe.each(ITEMS)('$path', ({ path, list, element, limit, name }) => {
  const bodyOf = (queue: string, count: number, timeout = '1m') => {
    const time = /complete|produce/.test(path) ? `"request_timeout":"${timeout}",` : '';
    return `{"${list}":${listOf(count, element)},${time}"queue_name":"${queue}"}`;
  };

  test('shows how many elements there were', async () => {
    await server.createQueue(`limited-${path.replaceAll('/', '-')}`);
    const queue = `limited-${path.replaceAll('/', '-')}`;
    for (const count of [limit + 1, 80_000]) {
      if (count <= limit) continue;
      const body = bodyOf(queue, count);
      if (body.length > 256_000 && !/produce|import/.test(path)) continue;
      const { status, json } = await server.post(path, body);
      expect([status, json.message]).toEqual([
        400,
        `${list} is invalid; ${name} is ${limit} but received ${count}`,
      ]);
    }
  });

  test('looks for the queue first', async () => {
    const { json } = await server.post(path, bodyOf('none', limit + 1));
    expect(json.message).toBe("queue does not exist; no such queue named 'none'");
  });
});

test('an import of as many items as fit into 64 MB is refused while other requests are served', async () => {
  await server.createQueue('flooded');
  const count = 21_000_000;
  const body = Buffer.concat([
    Buffer.from('{"queue_name":"flooded","items":['),
    Buffer.alloc(3 * (count - 1), '{},'),
    Buffer.from('{}]}'),
  ]);
  const imported = server.post('/v1/storage/items.import', body);
  let served = 0;
  let isOver = false;
  const done = imported.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    expect((await server.post('/v1/queue.stats', { queue_name: 'flooded' })).status).toBe(200);
    served++;
  }
  const { status, json } = await done;
  expect([status, json.message]).toEqual([
    400,
    `items is invalid; max_import_batch_size is 65536 but received ${count}`,
  ]);
  expect(served).toBeGreaterThan(2);
});

test('the partitions of a queue in a request are ignored, however many', async () => {
  const body = `{"queue_name":"new","lease_timeout":"1m","expire_timeout":"1h","requested_partitions":1,"partitions":${listOf(80_000, '{}')}}`;
  expect(await server.post('/v1/queues.create', body)).toMatchObject({ status: 200 });
});

test('imports as many items as the limit allows', async () => {
  await server.createQueue('full');
  const body = `{"queue_name":"full","items":${listOf(65_536, '{}')}}`;
  expect((await server.post('/v1/storage/items.import', body)).json.items).toHaveLength(65_536);
});

test('deletes as many items as ids fit a body', async () => {
  await server.createQueue('deleted');
  const ids = Array.from({ length: 8_500 }, (_, n) => String(n).padStart(27, '0'));
  expect(await server.post('/v1/storage/items.delete', { queue_name: 'deleted', ids })).toMatchObject({
    status: 200,
  });
});
