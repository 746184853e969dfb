import {
  milliseconds,
  type NewTask,
  TASK_RECORD_TIMEOUT,
  type TaskListRequest,
  type TaskStore,
} from '@querator/core';
import { describe, expect } from 'vitest';
import { eventsOf, newEvent } from '../fixture/audit-content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';
import { claimed, newTask } from '../fixture/task-content.ts';

const ALL: TaskListRequest = {
  ...{ namespaces: undefined, kind: undefined, queue: undefined, state: undefined, after: undefined },
  limit: 100,
};

async function idsOf(store: TaskStore, request: Partial<TaskListRequest>): Promise<readonly string[]> {
  return (await store.list({ ...ALL, ...request })).map(({ id }) => id);
}

async function endAs(store: TaskStore, task: NewTask, state: 'done' | 'failed' = 'done'): Promise<void> {
  await store.end(await claimed(store, task), { state });
}

/** What `TaskStore` promises of the tasks themselves. */
export function describeTaskRecords(test: StorageTest): void {
  describe('task store: tasks', () => {
    test('claims the capability if there is a store', async (fixture) => {
      const { backend } = fixture;
      expect(backend.capabilities.tasks ?? false).toBe(backend.taskStore !== undefined);
    });

    test.ofTasks('finds nothing where nothing was created', async (fixture, store) => {
      const { id, kind, queue } = newTask(fixture);
      expect(await store.get(id)).toBeUndefined();
      expect(await idsOf(store, { queue })).toEqual([]);
      const kinds = [{ kind, version: 1 }];
      expect(await store.claim({ owner: 'a', kinds, timeout: milliseconds(1) })).toBeUndefined();
      expect(await store.requestCancel(id)).toBeUndefined();
    });

    test.ofTasks('keeps a task as it was given', async (fixture, store) => {
      const given = newTask(fixture, {
        parameters: { text: 'é "\\ \u0000 \u{1f600}', list: [1, null, true, 1.5], more: {} },
        createdBy: 'é\u0000',
        ...{ rate: 10, dryRun: true, version: 3, exclusive: fixture.name('exclusive') },
      });
      const now = fixture.clock.now();
      const task = await store.create(given);
      expect(task).toEqual({
        ...given,
        ...{ matched: 0, done: 0, failed: 0, faults: 0, generation: 0 },
        ...{ state: 'running', createdAt: now, resumeAt: now },
        ...{ startedAt: undefined, endedAt: undefined, cancelRequestedAt: undefined },
        ...{ claimedUntil: undefined, owner: undefined, error: undefined, checkpoint: undefined },
      });
      expect(await store.get(given.id)).toEqual(task);
      expect(await store.list({ ...ALL, queue: given.queue })).toEqual([task]);
    });

    // "If the id exists, that task is returned as it is"
    test.ofTasks('creates a task once', async (fixture, store) => {
      const given = newTask(fixture);
      const first = await store.create(given);
      await fixture.clock.advance('1s');
      expect(await store.create({ ...given, rate: 9 })).toEqual(first);
    });

    test.ofTasks('lists the newest first, in pages', async (fixture, store) => {
      const tasks: NewTask[] = [];
      const { queue } = newTask(fixture);
      for (let number = 0; number < 5; number++) {
        tasks.push(newTask(fixture, { queue }));
        if (number !== 2) await fixture.clock.advance('1ms');
        await store.create(tasks[number] as NewTask);
      }
      const expected = tasks.map(({ id }) => id).reverse();
      expect(await idsOf(store, { queue })).toEqual(expected);
      const page = await store.list({ ...ALL, queue, limit: 3 });
      expect(page.map(({ id }) => id)).toEqual(expected.slice(0, 3));
      expect(await idsOf(store, { queue, after: page.at(-1) })).toEqual(expected.slice(3));
    });

    test.ofTasks('lists by namespace, kind, queue and state', async (fixture, store) => {
      const a = newTask(fixture);
      const b = newTask(fixture, { namespace: a.namespace });
      const c = newTask(fixture, { queue: b.queue });
      for (const task of [a, b, c]) {
        await store.create(task);
        await fixture.clock.advance('1ms');
      }
      await endAs(store, b);
      const namespaces = [a.namespace, c.namespace];
      expect(await idsOf(store, { namespaces })).toEqual([c.id, b.id, a.id]);
      expect(await idsOf(store, { namespaces: [a.namespace] })).toEqual([b.id, a.id]);
      expect(await store.namespaces()).toEqual(expect.arrayContaining(namespaces));
      expect(await idsOf(store, { namespaces: [] })).toEqual([]);
      expect(await idsOf(store, { kind: c.kind })).toEqual([c.id]);
      expect(await idsOf(store, { queue: b.queue })).toEqual([c.id, b.id]);
      expect(await idsOf(store, { queue: b.queue, state: 'done' })).toEqual([b.id]);
      expect(await idsOf(store, { namespaces, state: 'running' })).toEqual([c.id, a.id]);
    });

    // "Of the tasks with the same text, only one can run."
    test.ofTasks('runs only one of the tasks that exclude each other', async (fixture, store) => {
      const exclusive = fixture.name();
      const first = newTask(fixture, { exclusive });
      const second = newTask(fixture, { exclusive });
      await store.create(first);
      await expect(store.create(second)).rejects.toMatchObject({ code: 'retry', reason: 'unavailable' });
      expect(await store.get(second.id)).toBeUndefined();
      await store.create(newTask(fixture, { exclusive: fixture.name() }));
      await endAs(store, first);
      await store.create(second);
    });

    // "Ended tasks are kept for `TASK_RECORD_TIMEOUT`"
    test.ofTasks('keeps an ended task for 7 days', async (fixture, store) => {
      const task = newTask(fixture);
      await store.create(task);
      await fixture.clock.advance(TASK_RECORD_TIMEOUT);
      await endAs(store, task);
      await fixture.clock.advance(TASK_RECORD_TIMEOUT);
      expect(await store.get(task.id)).toMatchObject({ state: 'done' });
      await fixture.clock.advance('1ms');
      expect(await store.get(task.id)).toBeUndefined();
      expect(await idsOf(store, { queue: task.queue })).toEqual([]);
      // It is removed, so that its id is free.
      await store.create(newTask(fixture));
      expect(await store.create(task)).toMatchObject({ state: 'running' });
    });

    // "`audit` makes the event of a change"
    test.ofTasks('stores the event of a change with it', async (fixture, store) => {
      const audit = fixture.backend.auditStore?.();
      if (audit === undefined) return;
      const task = newTask(fixture);
      const failing = () => {
        throw new Error('no event');
      };
      const eventOf = () => newEvent(fixture.name(), { namespace: task.namespace });
      await expect(store.create(task, failing)).rejects.toThrow('no event');
      expect(await store.get(task.id)).toBeUndefined();
      await store.create(task, eventOf);
      await expect(store.requestCancel(task.id, failing)).rejects.toThrow('no event');
      expect((await store.get(task.id))?.cancelRequestedAt).toBeUndefined();
      await store.requestCancel(task.id, eventOf);
      // What changes nothing makes no event.
      await store.requestCancel(task.id, failing);
      expect(await eventsOf(audit, task.namespace)).toHaveLength(2);
    });
  });
}
