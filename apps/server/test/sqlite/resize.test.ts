import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerProcess } from '@querator/tooling-processes';
import { expect, onTestFinished, test, vi } from 'vitest';

test('a queue on SQLite gets more partitions, and fewer, and keeps its items', {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'querator-resize-'));
  const server = await ServerProcess.start({ storage: join(folder, 'queues.db') });
  onTestFinished(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });
  await server.createQueue('mail');
  const produce = (...texts: readonly string[]) => {
    const items = texts.map((utf8) => ({ utf8 }));
    return server.ask('queue.produce', { queue_name: 'mail', request_timeout: '10s', items });
  };
  const partitions = async () =>
    (await server.ask('../v2/queues.describe', { queue_name: 'mail' }))['partitions'];
  const resize = async (count: number, move = false) => {
    const { status, json } = await server.post('../v2/queues.resize', {
      queue_name: 'mail',
      partitions: count,
      move,
    });
    expect({ status, json }).toMatchObject({ status: 200 });
    await vi.waitFor(async () => expect(await partitions()).toHaveLength(count), {
      timeout: 30_000,
      interval: 100,
    });
  };
  await produce('a', 'b');
  await resize(3);
  await produce('c');
  const taken: string[] = [];
  const take = async () => {
    const call = { queue_name: 'mail', client_id: 'me', batch_size: 10, request_timeout: '30s' };
    const { partition, items } = await server.ask('queue.lease', call);
    taken.push(...items.map(({ bytes }: { bytes: string }) => Buffer.from(bytes, 'base64').toString()));
    const ids = items.map(({ id }: { id: string }) => id);
    await server.ask('queue.complete', { queue_name: 'mail', partition, ids, request_timeout: '10s' });
  };
  while (taken.length < 3) await take();
  expect(taken.sort()).toEqual(['a', 'b', 'c']);
  for (const text of ['d', 'e', 'f', 'g']) await produce(text);
  // Nobody consumes: they move.
  await resize(1, true);
  while (taken.length < 7) await take();
  expect(taken.sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
});
