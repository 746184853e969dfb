import { endpointsV2 } from '@querator/protocol';
import { describe, expect, test, vi } from 'vitest';
import { callEndpoint, type Format } from '../support/call-endpoint.ts';
import { STORAGES, useServer } from '../support/test-server.ts';

type Verb = keyof typeof endpointsV2.tasks;

let count = 0;
const fresh = () => `tasks-${++count}`;

describe.each(STORAGES)('/v2/tasks.* on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  const call = (format: Format, verb: Verb, message: object) =>
    callEndpoint(server.url, endpointsV2.tasks[verb], { format, message });

  const produce = (queue_name: string, kind: string, items: number) =>
    server.post('/v1/queue.produce', {
      ...{ queue_name, request_timeout: '5s' },
      items: Array.from({ length: items }, () => ({ utf8: 'x', kind })),
    });
  const ended = (format: Format, id: string, state: string) =>
    vi.waitFor(
      async () => {
        const task = await call(format, 'get', { id });
        expect(task).toMatchObject({ state });
        return task;
      },
      { timeout: 10_000, interval: 20 },
    );

  describe.each(['json', 'protobuf'] as const)('in %s', (format) => {
    test('items that match are deleted, and a dry run only counts them', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name, { requested_partitions: 2 });
      await produce(queue_name, 'a', 30);
      await produce(queue_name, 'b', 5);
      const request = { kind: 'delete', queue_name, filter: { kind: 'a' } };
      const { id: dry } = await call(format, 'create', { ...request, dry_run: true });
      const counted = await ended(format, dry, 'done');
      expect(counted).toMatchObject({ matched: 30, dry_run: true });
      expect(counted).not.toHaveProperty('done');
      const created = await call(format, 'create', { ...request, rate: 5_000 });
      const time = expect.stringMatching(/^\d{4}-.*Z$/);
      const expected = {
        ...{ id: created.id, kind: 'delete', state: 'running', queue_name, namespace: '_system' },
        ...{ rate: 5_000, created_by: 'anonymous', created_at: time, filter: request.filter },
      };
      expect(created).toEqual(expected);
      expect(await ended(format, created.id, 'done')).toEqual({
        ...{ ...expected, state: 'done', matched: 30, done: 30, started_at: time, ended_at: time },
      });
      const { items } = await call(format, 'list', { queue_name });
      expect(items.map(({ id }: { id: string }) => id)).toEqual([created.id, dry]);
      const first = await call(format, 'list', { queue_name, limit: 1 });
      expect(first.items).toMatchObject([{ id: created.id }]);
      const second = await call(format, 'list', { queue_name, limit: 1, cursor: first.cursor });
      expect(second).toMatchObject({ items: [{ id: dry }] });
      expect(second).not.toHaveProperty('cursor');
      const found = await server.post('/v2/items.find', { queue_name });
      expect(found.json.items).toHaveLength(5);
    });

    test('scheduled items become available, and leases end', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name, { requested_partitions: 1 });
      const enqueue_at = new Date(Date.now() + 3_600_000).toISOString();
      const items = ['a', 'b'].map((kind) => ({ utf8: 'x', kind, enqueue_at }));
      await server.post('/v1/queue.produce', { queue_name, request_timeout: '5s', items });
      const lease = async () => {
        const asked = { queue_name, client_id: 'c', batch_size: 10, request_timeout: '5s' };
        const { json } = await server.post('/v1/queue.lease', asked);
        return json.items.map(({ kind, attempts }: { kind: string; attempts: number }) => [kind, attempts]);
      };
      const run = async (filter: object, counts: object) => {
        const created = await call(format, 'create', { kind: 'retry', queue_name, filter });
        expect(await ended(format, created.id, 'done')).toMatchObject(counts);
      };
      await run({ kind: 'b' }, { matched: 1, done: 1, filter: { state: 'scheduled', kind: 'b' } });
      expect(await lease()).toEqual([['b', 1]]);
      await run({}, { matched: 1, done: 1 });
      expect(await lease()).toEqual([['a', 1]]);
      const leased = { kind: 'retry', queue_name, filter: { state: 'leased' } };
      const { id: dry } = await call(format, 'create', { ...leased, dry_run: true });
      expect(await ended(format, dry, 'done')).toMatchObject({ matched: 2 });
      await run(leased.filter, { matched: 2, done: 2 });
      expect(await lease()).toEqual([
        ['b', 2],
        ['a', 2],
      ]);
    });

    test('a task that takes long is cancelled', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name);
      await produce(queue_name, 'a', 100);
      const { id } = await call(format, 'create', { kind: 'delete', queue_name, rate: 1 });
      await ended(format, id, 'running');
      expect(await call(format, 'cancel', { id })).toMatchObject({
        id,
        cancel_requested_at: expect.any(String),
      });
      const task = await ended(format, id, 'cancelled');
      expect(task.done ?? 0).toBeLessThan(10);
      expect(await call(format, 'cancel', { id })).toEqual(task);
    });

    test('what is wrong is refused, and nothing is stored', async () => {
      const queue_name = fresh();
      await server.createQueue(queue_name);
      const refused = async (request: object, message: string) => {
        expect(await call(format, 'create', request)).toMatchObject({ code: 400, message });
      };
      const request = { kind: 'delete', queue_name };
      await refused(
        { ...request, kind: 'x' },
        "kind is invalid; 'x' is not one of 'delete', 'retry', 'redrive', 'move', 'move_partition', 'resize', 'drain', 'rebalance'",
      );
      await refused({ ...request, rate: -1 }, 'rate is invalid; cannot be negative number');
      await refused({ ...request, to: 'q' }, "to is invalid; a task of the kind 'delete' moves nothing");
      await refused({ ...request, queue_name: 'none' }, "queue does not exist; no such queue named 'none'");
      await refused(
        { ...request, filter: { state: 'dead' } },
        "filter.state is invalid; items in the state 'dead' cannot be deleted",
      );
      await refused(
        { ...request, kind: 'retry', to: 'q' },
        "to is invalid; a task of the kind 'retry' moves nothing",
      );
      await refused(
        { ...request, kind: 'retry', filter: { state: 'waiting' } },
        "filter.state is invalid; items in the state 'waiting' cannot be retried, only 'scheduled' and 'leased' ones",
      );
      expect(await call(format, 'get', { id: 'none' })).toMatchObject({
        ...{ code: 400, message: "task does not exist; no such task 'none'" },
      });
      expect(await call(format, 'list', { queue_name })).toEqual({});
    });
  });

  test('tasks are shown in the metrics', async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toMatch(/^querator_task_items_total\{kind="delete",outcome="done"[^}]*\} [1-9]/m);
    expect(text).toMatch(/^querator_tasks_ended_total\{kind="delete",state="cancelled"[^}]*\} 2$/m);
    expect(text).toContain('# TYPE querator_tasks_running gauge');
  });
});
