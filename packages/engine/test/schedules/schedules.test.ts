import { addDuration, type Instant, parseDuration } from '@querator/core';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  item,
  queueCall,
  type ScheduledProcess,
  ScheduledProcesses,
  scheduleCall,
} from './support/scheduled-processes.ts';

let world: ScheduledProcesses;
let setup: ScheduledProcess;
beforeEach(async () => {
  world = new ScheduledProcesses();
  setup = world.make();
  await setup.service.queues.create(queueCall('q'));
});

const schedules = () => setup.service.schedules;
const named = { namespace: '', name: 's' };

describe('a schedule', () => {
  test('fires once at each of its times, whatever the number of processes', async () => {
    const started = await schedules().create(scheduleCall());
    expect(started.state).toMatchObject({ dueAt: started.createdAt + 60_000_000n, fired: 0 });
    const processes = [world.start(), world.start(), world.start()];
    await world.clock.advance('59s');
    expect(await world.stored('q')).toEqual([]);
    await world.clock.advance('1s');
    expect(await world.stored('q')).toEqual(['tick']);
    await world.clock.advance('10m');
    expect(await world.stored('q')).toHaveLength(11);
    const fired = processes.map(({ events }) => events.fired ?? 0);
    expect(fired.reduce((a, b) => a + b)).toBe(11);
    const { state, updatedAt } = await world.schedule();
    expect(state).toMatchObject({ fired: 11, missed: 0, firedAt: world.clock.now(), failure: undefined });
    expect(updatedAt).toBe(started.createdAt);
  });

  test('fires soon after it was created at another process', async () => {
    world.start();
    await world.clock.advance('41s');
    await schedules().create(scheduleCall());
    await world.clock.advance('19s');
    expect(await world.stored('q')).toEqual(['tick']);
  });

  test('produces its item with all that it has', async () => {
    const metadata = new Map([['k', 'v']]);
    await schedules().create(scheduleCall({ item: item('x', { kind: 'k', encoding: 'e', metadata }) }));
    world.start();
    await world.clock.advance('1m');
    const { items } = await setup.service.queue.lease({
      ...{ queueName: 'q', clientId: 'c', batchSize: 1, requestTimeout: '1m', details: true },
    });
    expect(items).toMatchObject([{ kind: 'k', encoding: 'e', reference: 'ref', details: { metadata } }]);
  });

  test('ends after its until', async () => {
    const until = addDuration(world.clock.now(), parseDuration('2m'));
    await schedules().create(scheduleCall({ until }));
    world.start();
    await world.clock.advance('1h');
    expect(await world.stored('q')).toHaveLength(2);
    expect((await world.schedule()).state).toMatchObject({ dueAt: undefined, fired: 2, missed: 0 });
  });

  test('fires nothing while it is paused, and nothing of that later', async () => {
    await schedules().create(scheduleCall({ missed: 'all' }));
    world.start();
    await world.clock.advance('1m');
    expect(await schedules().pause(named)).toMatchObject({ paused: true });
    await world.clock.advance('10m');
    await schedules().pause(named);
    expect(await schedules().resume(named)).toMatchObject({ paused: false });
    await schedules().resume(named);
    await world.clock.advance('1m');
    expect(await world.stored('q')).toHaveLength(2);
    expect((await world.schedule()).state).toMatchObject({ fired: 2, missed: 0 });
  });

  test('is gone once it was deleted', async () => {
    await schedules().create(scheduleCall());
    world.start();
    await schedules().delete(named);
    await world.clock.advance('10m');
    expect(await world.stored('q')).toEqual([]);
    await expect(schedules().delete(named)).rejects.toThrow(
      "schedule does not exist; no such schedule named 's' in namespace '_system'",
    );
  });

  test('ends with its queue, and a queue that is made anew does not get it', async () => {
    await schedules().create(scheduleCall());
    const process = world.start();
    await world.clock.advance('1m');
    await setup.service.queues.delete('q', false);
    await setup.service.queues.create(queueCall('q'));
    await world.clock.advance('10m');
    expect(await world.stored('q')).toEqual([]);
    expect(await schedules().list({ namespace: '', queueName: '', pivot: '', limit: 0 })).toEqual({
      schedules: [],
      next: undefined,
    });
    expect(process.events).toEqual({ fired: 1 });
  });

  test('costs a server without schedules one look in 30 s', async () => {
    const process = world.start();
    await world.clock.advance('10m');
    expect(process.looks).toBeLessThanOrEqual(21);
  });

  test('is looked for again after storage failed', async () => {
    await schedules().create(scheduleCall());
    const process = world.start();
    process.storeFails = true;
    await world.clock.advance('55s');
    process.storeFails = false;
    await world.clock.advance('10s');
    expect(await world.stored('q')).toEqual(['tick']);
    expect(process.logged).toEqual(['due schedules cannot be read']);
  });

  test('is handed over by a process that shuts down', async () => {
    await schedules().create(scheduleCall());
    const stops = world.start();
    const goOn = stops.storage.hold('produceKeyed', 0, 'before');
    await world.clock.advance('1m');
    const stopped = stops.service.shutdown();
    goOn();
    await stopped;
    world.start();
    await world.clock.advance('1s');
    expect(await world.stored('q')).toEqual(['tick']);
    expect((await world.schedule()).state).toMatchObject({ fired: 1, failure: undefined });
  });
});

describe('an update of a schedule', () => {
  test('with other times forgets those that have passed', async () => {
    await schedules().create(scheduleCall({ missed: 'all' }));
    await world.clock.advance('10m');
    const updated = await schedules().update(scheduleCall({ cron: '0 * * * *', missed: 'all' }));
    expect(updated.state.dueAt).toBe(updated.createdAt + 3_600_000_000n);
    world.start();
    await world.clock.advance('50m');
    expect(await world.stored('q')).toEqual(['tick']);
  });

  test('with the same times keeps those that have passed', async () => {
    await schedules().create(scheduleCall({ missed: 'skip' }));
    await world.clock.advance('10m');
    await schedules().update(scheduleCall({ missed: 'all', item: item('new') }));
    world.start();
    await world.clock.advance('1s');
    expect(await world.stored('q')).toEqual(Array(10).fill('new'));
  });

  test('does not move it to another queue', async () => {
    await setup.service.queues.create(queueCall('other'));
    await schedules().create(scheduleCall());
    await expect(schedules().update(scheduleCall({ queueName: 'other' }))).rejects.toThrow(
      "queue_name is invalid; schedule 's' is one of queue 'q'",
    );
    await expect(schedules().update(scheduleCall({ name: 't' }))).rejects.toThrow(
      "schedule does not exist; no such schedule named 't' in namespace '_system'",
    );
  });
});

describe('a request about a schedule', () => {
  test.each([
    [{ queueName: '' }, 'queue name is invalid; queue name cannot be empty'],
    [{ queueName: 'none' }, "queue does not exist; no such queue named 'none'"],
    [{ name: '' }, 'name is invalid; cannot be empty'],
    [{ name: 'a b' }, "name is invalid; 'a b' has other characters than letters, digits and ._:/@-"],
    [{ name: 'a'.repeat(257) }, "name is invalid; cannot be greater than '256' characters"],
    [{ cron: '* * *' }, 'cron is invalid; expected five fields'],
    [{ timeZone: '' }, "time_zone is invalid; '' is not the name of a time zone, such as 'Europe/Berlin'"],
    [{ missed: '' }, "missed is invalid; expected 'skip', 'one' or 'all', got ''"],
    [{ item: undefined }, 'item is invalid; a schedule needs an item to produce'],
    [{ item: item('\0', { kind: '\0' }) }, 'kind is invalid; cannot contain the character U+0000'],
    [
      { item: item('x'.repeat(65_537)) },
      'item is invalid; its payload has 65537 bytes, and 65536 is the most',
    ],
    [{ until: 0n as Instant }, 'until is invalid; it must be in the future'],
    [
      { until: 1_767_225_659_999_999n as Instant },
      'until is invalid; no time of the schedule comes before it',
    ],
    [{ until: (10n ** 20n) as Instant }, 'until is invalid; it is too far ahead'],
  ])('is refused: %o', async (wrong, message) => {
    await expect(schedules().create(scheduleCall(wrong))).rejects.toThrow(message);
    expect((await schedules().list({ namespace: '', queueName: '', pivot: '', limit: 0 })).schedules).toEqual(
      [],
    );
  });

  test('lists pages in the order of names', async () => {
    for (const name of ['c', 'a', 'b']) await schedules().create(scheduleCall({ name }));
    const list = (pivot: string, limit: number) =>
      schedules().list({ namespace: '', queueName: 'q', pivot, limit });
    const first = await list('', 2);
    expect(first.schedules.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(first.next).toBe('c');
    expect(await list('c', 2)).toMatchObject({ schedules: [{ name: 'c' }], next: undefined });
    await expect(list('', 101)).rejects.toThrow('limit is invalid; expected 1 to 100, got 101');
  });
});
