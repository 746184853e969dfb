import { endpointsV2 } from '@querator/protocol';
import { describe, expect, test, vi } from 'vitest';
import { callEndpoint, type Format } from '../support/call-endpoint.ts';
import { STORAGES, useServer } from '../support/test-server.ts';

let count = 0;
const fresh = () => `redrive-${++count}`;

describe.each(STORAGES)('tasks that move items on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  const call = (format: Format, verb: 'create' | 'get', message: object) =>
    callEndpoint(server.url, endpointsV2.tasks[verb], { format, message });

  const ended = (format: Format, id: string) =>
    vi.waitFor(
      async () => {
        const task = await call(format, 'get', { id });
        expect(task).toMatchObject({ state: 'done' });
        return task;
      },
      { timeout: 10_000, interval: 20 },
    );
  const produce = (queue_name: string, items: readonly object[]) =>
    server.post('/v2/queue.produce', { queue_name, request_timeout: '5s', items });
  const lease = async (queue_name: string, batch_size: number) => {
    const request = { queue_name, batch_size, client_id: fresh(), request_timeout: '5s' };
    return (await server.post('/v2/queue.lease', request)).json;
  };

  /** A queue whose items have died, in this order, and its dead-letter queue. */
  async function withLetters(texts: readonly string[]) {
    const [queue, dead] = [fresh(), fresh()];
    await server.createQueue(dead);
    await server.createQueue(queue, { dead_queue: dead, max_attempts: 1 });
    for (const text of texts) {
      await produce(queue, [{ utf8: text, kind: text, metadata: { tenant: 'blue' } }]);
      const { items, partition } = await lease(queue, 1);
      await server.post('/v2/queue.retry', {
        ...{ queue_name: queue, partition },
        items: items.map(({ id }: { id: string }) => ({ id, dead: true, error: `broken ${text}` })),
      });
    }
    await vi.waitFor(async () => {
      const { json } = await server.post('/v2/items.find', { queue_name: dead });
      expect(json.items).toHaveLength(texts.length);
    });
    return { queue, dead };
  }

  describe.each(['json', 'protobuf'] as const)('in %s', (format) => {
    test('dead letters return to their queue, in order, with their first ids', async () => {
      const { queue, dead } = await withLetters(['a', 'b', 'c']);
      const letters = (await server.post('/v2/items.find', { queue_name: dead })).json.items;
      const dry = await call(format, 'create', { kind: 'redrive', queue_name: dead, dry_run: true });
      expect(await ended(format, dry.id)).toMatchObject({ matched: 3, dry_run: true });
      const filter = { error: 'broken', metadata: { tenant: 'blue' } };
      const { id } = await call(format, 'create', { kind: 'redrive', queue_name: dead, filter });
      expect(await ended(format, id)).toMatchObject({ kind: 'redrive', matched: 3, done: 3 });
      const { items } = await lease(queue, 10);
      expect(items.map(({ kind }: { kind: string }) => kind)).toEqual(['a', 'b', 'c']);
      const firstIds = (all: readonly { first_id: string }[]) => all.map(({ first_id }) => first_id);
      expect(firstIds(items)).toEqual(firstIds(letters));
      expect(items[0]).toMatchObject({ attempts: 1, metadata: { tenant: 'blue' }, source: { queue } });
      expect((await server.post('/v2/items.find', { queue_name: dead })).json.items ?? []).toEqual([]);
    });

    test('items go to a queue that a request names, and a consumer that waits there gets them', async () => {
      const { dead } = await withLetters(['a']);
      const to = fresh();
      await server.createQueue(to);
      const waiting = lease(to, 1);
      await produce(dead, [{ utf8: 'no letter', kind: 'plain' }]);
      const { id } = await call(format, 'create', { kind: 'move', queue_name: dead, to });
      expect(await ended(format, id)).toMatchObject({ kind: 'move', done: 2 });
      expect((await waiting).items).toMatchObject([{ kind: 'a' }]);
      expect((await lease(to, 1)).items).toMatchObject([{ kind: 'plain' }]);
    });

    test('a request that makes no sense is refused', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name);
      const refused = async (request: object) =>
        (await call(format, 'create', { queue_name, ...request })).message;
      expect(await refused({ kind: 'move' })).toMatch(/^to is invalid; a task of the kind 'move' needs/);
      expect(await refused({ kind: 'redrive', to: queue_name })).toMatch(/^to is invalid; it cannot be/);
      expect(await refused({ kind: 'move', to: 'none' })).toMatch(/^queue does not exist/);
      expect(await refused({ kind: 'redrive', filter: { state: 'leased' } })).toMatch(
        /^filter.state is invalid/,
      );
    });
  });
});
