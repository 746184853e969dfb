import { addDuration, milliseconds, type Task, type TaskStore } from '@querator/core';
import { describe, expect } from 'vitest';
import type { Fixture } from '../fixture/fixture.ts';
import type { StorageTest } from '../fixture/storage-test.ts';
import { CLAIM, claimed, claimOf, newTask } from '../fixture/task-content.ts';

const COUNTS = { matched: 7, done: 5, failed: 2 };

/** What `TaskStore` promises of claims and of the work on tasks. */
export function describeTaskClaims(test: StorageTest): void {
  describe('task store: claims', () => {
    const created = async (fixture: Fixture, store: TaskStore) => store.create(newTask(fixture));

    test.ofTasks('gives a task to one process at a time', async (fixture, store) => {
      const task = await created(fixture, store);
      await fixture.clock.advance('1s');
      const now = fixture.clock.now();
      expect(await claimOf(store, task, { owner: 'one' })).toEqual({
        task: {
          ...task,
          ...{ owner: 'one', generation: 1, startedAt: now, claimedUntil: addDuration(now, CLAIM) },
        },
        now,
      });
      await fixture.clock.advance(CLAIM);
      expect(await claimOf(store, task, { owner: 'two' })).toBeUndefined();
      await fixture.clock.advance('1ms');
      expect(await claimed(store, task, 'two')).toMatchObject({
        owner: 'two',
        generation: 2,
        startedAt: now,
      });
    });

    test.ofTasks(
      'gives no task of a kind or version that the process does not know',
      async (fixture, store) => {
        const task = await store.create(newTask(fixture, { version: 2 }));
        expect(await claimOf(store, task, { version: 1 })).toBeUndefined();
        expect(await claimOf(store, newTask(fixture), { version: 2 })).toBeUndefined();
        expect(await store.claim({ owner: 'a', kinds: [], timeout: CLAIM })).toBeUndefined();
        expect(await claimOf(store, task, { version: 3 })).toMatchObject({ task: { id: task.id } });
      },
    );

    // "the one that waited longest, counted from its creation, or the end of its last claim"
    test.ofTasks('gives the task that waited longest', async (fixture, store) => {
      const first = await created(fixture, store);
      await fixture.clock.advance('1ms');
      const second = await store.create(newTask(fixture, { kind: first.kind }));
      await fixture.clock.advance('1ms');
      const claim = await claimed(store, first);
      expect(claim.id).toBe(first.id);
      await store.release(claim);
      expect((await claimed(store, first)).id).toBe(second.id);
      expect(await claimed(store, first)).toMatchObject({ id: first.id, generation: 2 });
    });

    test.ofTasks('keeps the result of a step, and prolongs the claim', async (fixture, store) => {
      const task = await created(fixture, store);
      const claim = await claimed(store, task);
      await fixture.clock.advance('3s');
      const now = fixture.clock.now();
      const change = { counts: COUNTS, checkpoint: { at: 'é\u0000' }, faults: 2, error: 'é\u0000' };
      const expected: Task = {
        ...claim,
        ...COUNTS,
        ...{ checkpoint: change.checkpoint, faults: 2, error: change.error },
        claimedUntil: addDuration(now, CLAIM),
      };
      expect(await store.save(claim, change, CLAIM)).toEqual({ task: expected, now });
      expect(await store.get(task.id)).toEqual(expected);
      expect(await store.save(claim, {}, CLAIM)).toEqual({ task: expected, now });
      const healed = await store.save(claim, { faults: 0, error: null, checkpoint: null }, CLAIM);
      expect(healed?.task).toEqual({ ...expected, faults: 0, error: undefined, checkpoint: null });
    });

    // "Moves `resumeAt` on by this duration, from where it is, or from a second ago"
    test.ofTasks('keeps the rate of a task', async (fixture, store) => {
      const task = await created(fixture, store);
      const claim = await claimed(store, task);
      const pause = milliseconds(2_000);
      const saved = await store.save(claim, { pause }, CLAIM);
      expect(saved?.task.resumeAt).toBe(addDuration(task.createdAt, pause));
      await fixture.clock.advance('4s');
      const late = await store.save(claim, { pause }, CLAIM);
      expect(late?.task.resumeAt).toBe(addDuration(fixture.clock.now(), milliseconds(1_000)));
      // Another process keeps to it too.
      await store.release(claim);
      expect(await claimOf(store, task)).toBeUndefined();
      await fixture.clock.advance('1s');
      expect(await claimOf(store, task)).toMatchObject({ task: { generation: 2 } });
    });

    // "have no effect for a process whose claim is not the last one"
    test.ofTasks('tells a process that another one has taken over', async (fixture, store) => {
      const task = await created(fixture, store);
      const stale = await claimed(store, task);
      await fixture.clock.advance('5001ms');
      // Its time has passed, but nobody has taken over.
      expect(await store.save(stale, {}, CLAIM)).toBeDefined();
      await fixture.clock.advance('5001ms');
      const claim = await claimed(store, task, 'two');
      expect(await store.save(stale, { counts: COUNTS }, CLAIM)).toBeUndefined();
      expect(await store.end(stale, { state: 'done' })).toBeUndefined();
      await store.release(stale);
      expect(await store.get(task.id)).toEqual(claim);
    });

    test.ofTasks('ends with a release', async (fixture, store) => {
      const task = await created(fixture, store);
      const claim = await claimed(store, task);
      await store.release(claim);
      expect(await store.save(claim, {}, CLAIM)).toBeUndefined();
      expect(await store.end(claim, { state: 'done' })).toBeUndefined();
      expect(await store.get(task.id)).toMatchObject({ claimedUntil: undefined, state: 'running' });
    });

    test.ofTasks('ends with its task', async (fixture, store) => {
      const task = await created(fixture, store);
      const claim = await claimed(store, task);
      await fixture.clock.advance('1s');
      const endedAt = fixture.clock.now();
      const ended = await store.end(claim, { state: 'failed', error: 'é\u0000', counts: COUNTS });
      expect(ended).toEqual({
        ...claim,
        ...COUNTS,
        ...{ state: 'failed', error: 'é\u0000', endedAt, claimedUntil: undefined },
      });
      expect(await store.get(task.id)).toEqual(ended);
      expect(await store.end(claim, { state: 'done' })).toBeUndefined();
      expect(await store.save(claim, {}, CLAIM)).toBeUndefined();
      expect(await store.requestCancel(task.id)).toEqual(ended);
      await fixture.clock.advance('1h');
      expect(await claimOf(store, task)).toBeUndefined();
    });

    test.ofTasks('tells the process that its task is to be cancelled', async (fixture, store) => {
      const task = await created(fixture, store);
      const claim = await claimed(store, task);
      await store.save(claim, { pause: milliseconds(60_000) }, CLAIM);
      await fixture.clock.advance('1s');
      const cancelRequestedAt = fixture.clock.now();
      const asked = await store.requestCancel(task.id);
      expect(asked).toMatchObject({ state: 'running', cancelRequestedAt });
      await fixture.clock.advance('1s');
      expect(await store.requestCancel(task.id)).toEqual(asked);
      const saved = await store.save(claim, { pause: milliseconds(60_000) }, CLAIM);
      expect(saved?.task).toMatchObject({ cancelRequestedAt });
      // It does not wait for its rate any more.
      await store.release(claim);
      const next = await claimed(store, task);
      expect(next).toMatchObject({ cancelRequestedAt, generation: 2 });
      expect(await store.end(next, { state: 'cancelled' })).toMatchObject({ state: 'cancelled' });
    });

    test.ofTasks(
      'gives each task to one of many processes',
      async (fixture, store) => {
        const others = [await fixture.open(), await fixture.open()].map((backend) => backend.taskStore?.());
        const stores = [store, ...others].filter((each) => each !== undefined);
        const { kind } = newTask(fixture);
        for (let number = 0; number < 6; number++) await store.create(newTask(fixture, { kind }));
        const claims = await Promise.all(
          Array.from({ length: 12 }, (_, number) =>
            claimOf(stores[number % stores.length] as TaskStore, { kind }, { owner: `process-${number}` }),
          ),
        );
        // A process may find nothing while the others claim.
        for (let more = await claimOf(store, { kind }); more; more = await claimOf(store, { kind }))
          claims.push(more);
        const ids = claims.flatMap((each) => each?.task.id ?? []);
        expect(ids).toHaveLength(6);
        expect(new Set(ids).size).toBe(6);
      },
      'shared',
    );

    test.ofTasks(
      'creates one of several that exclude each other',
      async (fixture, store) => {
        const other = (await fixture.open()).taskStore?.();
        const exclusive = fixture.name();
        const results = await Promise.allSettled(
          [store, other, store, other].map((each) => each?.create(newTask(fixture, { exclusive }))),
        );
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      },
      'shared',
    );
  });
}
