import { addDuration, parseDuration, type Schedule, type ScheduleChange } from '@querator/core';
import { describe, expect } from 'vitest';
import { eventsOf, newEvent } from '../fixture/audit-content.ts';
import { newQueue } from '../fixture/new-queue.ts';
import { dueAt, onSchedules, TestSchedules } from '../fixture/schedules.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `ScheduleStore` promises about schedules that nobody fires. */
export function describeScheduleRecords(test: StorageTest): void {
  const changed = (stored: Schedule, more: Partial<ScheduleChange> = {}): ScheduleChange => ({
    ...stored,
    ...more,
  });

  describe('schedule store: records', () => {
    test.ofSchedules(
      'keeps every field of a schedule',
      onSchedules(async (schedules) => {
        const { store, fixture } = schedules;
        const full = schedules.make({
          name: 'a.b_c:/@-9',
          timeZone: 'America/Argentina/Buenos_Aires',
          item: {
            ...{ encoding: 'é', kind: '\u{1f600}', reference: '"\\', payload: new Uint8Array([0, 255, 1]) },
            metadata: new Map([['trace', 'ü']]),
          },
          missed: 'all',
          until: schedules.after('10m'),
          createdBy: 'é',
        });
        const state = {
          dueAt: schedules.after('1h'),
          backlog: { until: schedules.after('2h'), left: 3 },
          firedAt: fixture.clock.now(),
          ...{ fired: 4, missed: 5 },
          failure: { code: 'unavailable', message: 'é', since: fixture.clock.now(), attempts: 6 },
        };
        const now = fixture.clock.now();
        const created = await store.create(full, (time) => {
          expect(time).toBe(now);
          return state;
        });
        expect(created).toEqual({ ...full, state, paused: false, createdAt: now, updatedAt: now });
        expect(await schedules.list()).toEqual([created]);
      }),
    );

    // "Adds a schedule, paused or not."
    test.ofSchedules(
      'adds a schedule that is paused, and fires once it is resumed',
      onSchedules(async (schedules) => {
        const { store, fixture } = schedules;
        const due = dueAt(schedules.after('1s'));
        const created = await store.create(schedules.make({ name: 'a', paused: true }), () => due);
        expect(created).toMatchObject({ paused: true, state: due });
        await fixture.clock.advance('2s');
        expect((await schedules.claim()).claimed).toEqual([]);
        await store.update(created.namespace, 'a', (stored) => changed(stored, { paused: false }));
        expect((await schedules.claim()).claimed).toMatchObject([{ schedule: { name: 'a' } }]);
      }),
    );

    test.ofSchedules(
      'lists schedules in the order of their names',
      onSchedules(async (schedules) => {
        const { store, queue, fixture } = schedules;
        const other = await fixture.queues.create(newQueue(fixture.name(), { namespace: queue.namespace }));
        for (const name of ['b', 'B', 'a-1', 'c']) await schedules.add(name, '1h');
        await store.create(
          schedules.make({ name: 'a0', queueName: other.name, queueCreatedAt: other.createdAt }),
          () => dueAt(undefined),
        );
        const names = async (pivot = '', limit = 100, queueName?: string) => {
          const { namespace } = queue;
          return (await store.list({ namespace, queueName, pivot, limit })).map(({ name }) => name);
        };
        expect(await names()).toEqual(['B', 'a-1', 'a0', 'b', 'c']);
        expect(await names('a', 2)).toEqual(['a-1', 'a0']);
        expect(await names('', 2, queue.name)).toEqual(['B', 'a-1']);
        expect(await names('', 2, fixture.name('\u{1f600}'))).toEqual([]);
        expect(await store.list({ namespace: 'é', queueName: undefined, pivot: '', limit: 1 })).toEqual([]);
      }),
    );

    test.ofSchedules(
      'a name is taken once in a namespace',
      onSchedules(async (schedules) => {
        await schedules.add('one', '1h');
        await expect(schedules.add('one', '1h')).rejects.toMatchObject({
          code: 'invalid',
          message: "schedule is invalid; 'one' already exists",
        });
        const others = await TestSchedules.make(schedules.fixture, schedules.store);
        await others.add('one', '1h');
        await others.remove();
      }),
    );

    test.ofSchedules(
      'adds nothing without the queue, or if its first state cannot be made',
      onSchedules(async (schedules) => {
        const { store, fixture } = schedules;
        const missing = { code: 'invalid', reason: 'no_such_queue' };
        const begin = () => dueAt(undefined);
        await expect(
          store.create(schedules.make({ queueName: fixture.name() }), begin),
        ).rejects.toMatchObject(missing);
        const earlier = schedules.make({ queueCreatedAt: schedules.after('-1s') });
        await expect(store.create(earlier, begin)).rejects.toMatchObject(missing);
        const fault = new Error('no first state');
        const failing = () => {
          throw fault;
        };
        await expect(store.create(schedules.make(), failing)).rejects.toBe(fault);
        expect(await schedules.list()).toEqual([]);
      }),
    );

    test.ofSchedules(
      'updates a schedule in one step',
      onSchedules(async (schedules) => {
        const { store, queue, fixture } = schedules;
        const created = await schedules.add('one', '1h');
        await fixture.clock.advance('1s');
        const now = fixture.clock.now();
        const item = { ...created.item, kind: 'other' };
        const change: ScheduleChange = {
          ...{ cron: '1 * * * *', timeZone: 'UTC', item, missed: 'skip', until: undefined, paused: true },
          state: dueAt(undefined),
        };
        const updated = await store.update(queue.namespace, 'one', (stored, time) => {
          expect(stored).toEqual(created);
          expect(time).toBe(now);
          return change;
        });
        expect(updated).toEqual({ ...created, ...change, updatedAt: now });
        expect(await schedules.list()).toEqual([updated]);
        const fault = new Error('no change');
        const failing = () => {
          throw fault;
        };
        await expect(store.update(queue.namespace, 'one', failing)).rejects.toBe(fault);
        expect(await schedules.list()).toEqual([updated]);
        expect(await store.update(queue.namespace, 'two', failing)).toBeUndefined();
      }),
    );

    test.ofSchedules(
      'removes a schedule once',
      onSchedules(async (schedules) => {
        const { store, queue } = schedules;
        await schedules.add('one', '1h');
        expect(await store.delete(queue.namespace, 'two')).toBe(false);
        expect(await store.delete(queue.namespace, 'one')).toBe(true);
        expect(await store.delete(queue.namespace, 'one')).toBe(false);
        expect(await schedules.list()).toEqual([]);
      }),
    );

    // "A schedule ends with its queue"
    test.ofSchedules(
      'a schedule ends with its queue, and a later queue of that name does not get it',
      onSchedules(async (schedules) => {
        const { store, queue, fixture } = schedules;
        await schedules.add('one', '1s');
        await fixture.queues.delete(queue.name);
        await fixture.clock.advance('1s');
        const anew = await fixture.queues.create(newQueue(queue.name, { namespace: queue.namespace }));
        expect(await schedules.list()).toEqual([]);
        expect(await store.update(queue.namespace, 'one', (stored) => changed(stored))).toBeUndefined();
        expect(await store.delete(queue.namespace, 'one')).toBe(false);
        expect(await schedules.claimNames()).toEqual([]);
        await store.create(schedules.make({ name: 'one', queueCreatedAt: anew.createdAt }), () =>
          dueAt(undefined),
        );
        expect((await schedules.list()).map(({ queueCreatedAt }) => queueCreatedAt)).toEqual([
          anew.createdAt,
        ]);
        await fixture.queues.delete(queue.name);
        expect(await schedules.list()).toEqual([]);
      }),
    );

    test.ofAudit('changes are stored together with their events', async (fixture, audit) => {
      const store = fixture.backend.scheduleStore?.();
      if (store === undefined) return;
      await onSchedules(async (schedules) => {
        const { namespace } = schedules.queue;
        const make = (action: string) => () => newEvent(fixture.name(), { namespace, action });
        const fault = new Error('this event cannot be made');
        const failing = () => {
          throw fault;
        };
        const begin = () => dueAt(addDuration(fixture.clock.now(), parseDuration('1h')));
        await expect(store.create(schedules.make(), begin, failing)).rejects.toBe(fault);
        expect(await schedules.list()).toEqual([]);
        const created = await store.create(schedules.make(), begin, make('create'));
        const { name } = created;
        const change = (stored: Schedule) => changed(stored, { paused: true });
        await expect(store.update(namespace, name, change, failing)).rejects.toBe(fault);
        await expect(store.delete(namespace, name, failing)).rejects.toBe(fault);
        expect(await schedules.list()).toEqual([created]);
        await store.update(namespace, name, change, make('update'));
        await store.delete(namespace, name, make('delete'));
        await store.delete(namespace, name, make('delete again'));
        const actions = (await eventsOf(audit, namespace)).map(({ action }) => action);
        expect([...actions].sort()).toEqual(['create', 'delete', 'update']);
      })(fixture, store);
    });
  });
}
