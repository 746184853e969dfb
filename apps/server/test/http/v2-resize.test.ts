import { endpointsV2 } from '@querator/protocol';
import { describe, expect, test, vi } from 'vitest';
import { callEndpoint, type Format } from '../support/call-endpoint.ts';
import { STORAGES, useServer } from '../support/test-server.ts';

let count = 0;
const fresh = () => `resize-${++count}`;

describe.each(STORAGES)('a resize on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  const task = (format: Format, verb: 'create' | 'get', message: object) =>
    callEndpoint(server.url, endpointsV2.tasks[verb], { format, message });

  async function resized(format: Format, queue_name: string, partitions: number) {
    const { id } = await task(format, 'create', { kind: 'resize', queue_name, partitions });
    const ended = async () => {
      const found = await task(format, 'get', { id });
      expect(found).toMatchObject({ state: 'done' });
      return found;
    };
    return vi.waitFor(ended, { timeout: 20_000, interval: 20 });
  }

  const produce = (queue_name: string, items: readonly object[]) =>
    server.post('/v2/queue.produce', { queue_name, request_timeout: '10s', items });
  const partitionsOf = async (queue_name: string) =>
    (await server.post('/v2/queues.describe', { queue_name })).json.partitions;

  describe.each(['json', 'protobuf'] as const)('in %s', (format) => {
    test('gives a queue with items more partitions, which producers and consumers use', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name);
      await produce(queue_name, [{ utf8: 'before' }, { utf8: 'keyed', dedup_key: 'k' }]);
      expect(await resized(format, queue_name, 3)).toMatchObject({ kind: 'resize', matched: 2, done: 2 });
      expect(await partitionsOf(queue_name)).toHaveLength(3);
      for (const utf8 of ['a', 'b', 'c', 'd']) await produce(queue_name, [{ utf8 }]);
      const again = await produce(queue_name, [{ utf8: 'keyed', dedup_key: 'k' }]);
      expect(again.json.items).toMatchObject([{ duplicate: true }]);
      const seen: string[] = [];
      const from = new Set<number>();
      while (seen.length < 6) {
        const { json } = await server.post('/v2/queue.lease', {
          ...{ queue_name, client_id: 'c', batch_size: 10, request_timeout: '10s' },
        });
        const { partition = 0, items } = json;
        from.add(partition);
        seen.push(...items.map(({ bytes }: { bytes: string }) => Buffer.from(bytes, 'base64').toString()));
        const ids = items.map(({ id }: { id: string }) => id);
        const done = await server.post('/v1/queue.complete', {
          ...{ queue_name, partition, request_timeout: '10s', ids },
        });
        expect(done.status).toBe(200);
      }
      expect(seen.sort()).toEqual(['a', 'b', 'before', 'c', 'd', 'keyed']);
      expect(from.size).toBe(3);
      const { json } = await server.post('/v1/queues.info', { queue_name });
      expect(json).toMatchObject({ requested_partitions: 3 });
    });

    test('is a call of its own, too', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name);
      const message = { queue_name, partitions: 2 };
      const { id, kind } = await callEndpoint(server.url, endpointsV2.queues.resize, { format, message });
      expect(kind).toBe('resize');
      const done = async () => expect(await task(format, 'get', { id })).toMatchObject({ state: 'done' });
      await vi.waitFor(done, { timeout: 20_000, interval: 20 });
      expect(await partitionsOf(queue_name)).toHaveLength(2);
    });

    test('takes partitions away that consumers have emptied', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name);
      await resized(format, queue_name, 3);
      for (const utf8 of ['a', 'b', 'c']) await produce(queue_name, [{ utf8 }]);
      const lease = async () =>
        (
          await server.post('/v2/queue.lease', {
            ...{ queue_name, client_id: 'c', batch_size: 10, request_timeout: '10s' },
          })
        ).json;
      const dry = await task(format, 'create', { kind: 'resize', queue_name, partitions: 1, dry_run: true });
      const counted = async () =>
        expect(await task(format, 'get', { id: dry.id })).toMatchObject({ state: 'done', matched: 2 });
      await vi.waitFor(counted, { timeout: 10_000, interval: 20 });
      const { id } = await task(format, 'create', { kind: 'resize', queue_name, partitions: 1 });
      const waits = async () => {
        expect(await task(format, 'get', { id })).toMatchObject({
          state: 'running',
          error: 'consumers have to empty partition 2 first, and then 1 more',
        });
      };
      await vi.waitFor(waits, { timeout: 10_000, interval: 20 });
      expect((await partitionsOf(queue_name)).map(({ state }: { state: string }) => state)).toEqual([
        ...['open', 'leaving', 'leaving'],
      ]);
      const seen: string[] = [];
      for (let n = 0; n < 6; n++) await produce(queue_name, [{ utf8: `later ${n}` }]);
      while (seen.length < 9) {
        const { partition = 0, items } = await lease();
        seen.push(...items.map(({ bytes }: { bytes: string }) => Buffer.from(bytes, 'base64').toString()));
        const ids = items.map((each: { id: string }) => each.id);
        const request = { queue_name, partition, request_timeout: '10s', ids };
        expect(await server.post('/v1/queue.complete', request)).toMatchObject({ status: 200 });
      }
      expect(seen.sort()).toEqual(['a', 'b', 'c', ...Array.from({ length: 6 }, (_, n) => `later ${n}`)]);
      const done = async () =>
        expect(await task(format, 'get', { id })).toMatchObject({ state: 'done', matched: 2, done: 2 });
      await vi.waitFor(done, { timeout: 20_000, interval: 50 });
      expect(await partitionsOf(queue_name)).toHaveLength(1);
      const late = { queue_name, partition: 2, request_timeout: '10s', ids: ['x'] };
      expect((await server.post('/v2/queue.complete', late)).json).toMatchObject({
        code: 400,
        details: { code: 'no_such_partition' },
      });
      // And it can get them again.
      await resized(format, queue_name, 3);
      for (const utf8 of ['d', 'e', 'f']) await produce(queue_name, [{ utf8 }]);
      const from = new Set<number>();
      for (let n = 0; n < 3; n++) from.add((await lease()).partition ?? 0);
      expect(from.size).toBe(3);
    });

    test('moves what waits in partitions that leave, and is done without a consumer', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name, { requested_partitions: 3 });
      const texts = ['a', 'b', 'c', 'd', 'e', 'f'];
      for (const utf8 of texts) await produce(queue_name, [{ utf8 }]);
      const found = (await server.post('/v2/items.find', { queue_name, limit: 10 })).json;
      const leaves = found.items.filter(({ partition = 0 }) => partition > 0).length;
      expect(leaves).toBeGreaterThan(0);
      const message = { queue_name, partitions: 1, move: true };
      const asked = await callEndpoint(server.url, endpointsV2.queues.resize, { format, message });
      expect(asked).toMatchObject({ kind: 'resize', to: queue_name });
      const done = async () =>
        expect(await task(format, 'get', { id: asked.id })).toMatchObject({
          state: 'done',
          matched: leaves,
          done: leaves,
        });
      await vi.waitFor(done, { timeout: 20_000, interval: 20 });
      expect(await partitionsOf(queue_name)).toHaveLength(1);
      const call = { queue_name, client_id: 'c', batch_size: 10, request_timeout: '10s' };
      const { items } = (await server.post('/v2/queue.lease', call)).json;
      const seen = items.map(({ bytes }: { bytes: string }) => Buffer.from(bytes, 'base64').toString());
      expect(seen.sort()).toEqual(texts);
      const more = { queue_name, partitions: 3, move: true };
      expect(
        await callEndpoint(server.url, endpointsV2.queues.resize, { format, message: more }),
      ).toMatchObject({
        code: 400,
        message: 'move is invalid; items move only when a queue gets fewer partitions',
      });
    });

    test('is refused with a number that the queue cannot have', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name, { requested_partitions: 2 });
      for (const [partitions, message] of [
        [0, 'partitions is invalid; cannot be less than 1'],
        [2, 'partitions is invalid; that is the number of partitions that the queue has'],
        [1_025, 'partitions is invalid; cannot be greater than 1024'],
      ] as const) {
        const answer = await task(format, 'create', { kind: 'resize', queue_name, partitions });
        expect(answer).toMatchObject({ code: 400, message });
      }
      for (const kind of ['delete', 'move_partition']) {
        const asked = { kind, queue_name, partitions: 3, storage_name: kind === 'delete' ? '' : 'x' };
        expect(await task(format, 'create', asked)).toMatchObject({
          code: 400,
          message: expect.stringContaining('partitions is invalid; a task of the kind'),
        });
      }
      expect(await partitionsOf(queue_name)).toHaveLength(2);
    });
  });
});
