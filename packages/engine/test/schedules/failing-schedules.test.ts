import { QueueError } from '@querator/core';
import { beforeEach, expect, test } from 'vitest';
import {
  queueCall,
  type ScheduledProcess,
  ScheduledProcesses,
  scheduleCall,
} from './support/scheduled-processes.ts';

let world: ScheduledProcesses;
let process: ScheduledProcess;
beforeEach(async () => {
  world = new ScheduledProcesses();
  process = world.start();
  await process.service.queues.create(queueCall('q'));
  await process.service.schedules.create(scheduleCall());
});

const failure = async () => (await world.schedule()).state.failure;

test('a schedule of a paused queue fails until the queue is resumed', async () => {
  const paused = { queueName: 'q', produce: true, lease: false };
  await process.service.pauses.pause({ ...paused, until: undefined });
  await world.clock.advance('1m');
  const since = world.clock.now();
  expect(await failure()).toEqual({
    ...{ code: 'queue_paused', message: 'queue is paused; try again later', since, attempts: 1 },
  });
  await world.clock.advance('10m');
  expect(await failure()).toMatchObject({ code: 'queue_paused', since });
  const { attempts = 0 } = (await failure()) ?? {};
  // Every minute in the end.
  expect(attempts).toBeGreaterThan(10);
  expect(attempts).toBeLessThan(17);
  await process.service.pauses.resume(paused);
  await world.clock.advance('1m');
  expect(await failure()).toBeUndefined();
  expect(await world.stored('q')).not.toEqual([]);
  const { state } = await world.schedule();
  expect(state.fired + state.missed).toBe(12);
  expect(process.events).toEqual({ fired: state.fired, missed: state.missed, failed: attempts });
  expect(process.logged).toEqual([
    'schedule cannot fire; it is tried again',
    'times of a schedule were missed',
    'schedule fires again',
  ]);
});

test('a schedule fails while its partition is out of service, and fires afterwards', async () => {
  process.storage.cut(0);
  await world.clock.advance('80s');
  expect(await failure()).toMatchObject({ code: 'unavailable' });
  process.storage.heal(0);
  await world.clock.advance('30s');
  expect(await failure()).toBeUndefined();
  expect(await world.stored('q')).toEqual(['tick']);
});

test.each(['unknown-applied', 'unknown-lost'] as const)(
  'an answer that was lost is asked for again (%s)',
  async (fault) => {
    process.storage.fail('produceKeyed', 0, fault);
    await world.clock.advance('70s');
    expect(await failure()).toMatchObject({ code: 'outcome_unknown' });
    process.storage.heal(0);
    await world.clock.advance('30s');
    expect(await failure()).toBeUndefined();
    expect(await world.stored('q')).toEqual(['tick']);
  },
);

test('a schedule fails while a limit refuses its items', async () => {
  const ended: unknown[] = [];
  process.admit = ({ namespace, item }) => {
    expect([namespace, item.payload.length]).toEqual(['_system', 4]);
    throw new QueueError('limited', 'namespace holds too many items', { reason: 'over_limit' });
  };
  await world.clock.advance('61s');
  expect(await failure()).toMatchObject({ code: 'over_limit', message: 'namespace holds too many items' });
  process.admit = async () => (error) => void ended.push(error);
  await world.clock.advance('10s');
  expect(await failure()).toBeUndefined();
  expect(ended).toEqual([undefined]);
});

test('an update ends the failure, and is tried at once', async () => {
  process.admit = () => {
    throw new QueueError('limited', 'too many', { reason: 'over_limit' });
  };
  await world.clock.advance('100s');
  process.admit = () => undefined;
  await process.service.schedules.update(scheduleCall());
  await world.clock.advance('0');
  expect(await world.stored('q')).toEqual(['tick']);
});

test('other schedules fire while many fail', async () => {
  await process.service.queues.create(queueCall('down'));
  await process.service.queues.create(queueCall('up', { deadQueue: '' }));
  await process.service.pauses.pause({ queueName: 'down', produce: true, lease: false, until: undefined });
  for (let n = 0; n < 200; n++) {
    await process.service.schedules.create(scheduleCall({ name: `down-${n}`, queueName: 'down' }));
  }
  await process.service.schedules.create(scheduleCall({ name: 'up', queueName: 'up' }));
  await world.clock.advance('5m');
  expect(await world.stored('up')).toHaveLength(5);
});

test('a time that may have been fired is not counted as missed, however late it is', async () => {
  await process.service.schedules.update(scheduleCall({ missed: 'skip' }));
  process.storage.fail('produceKeyed', 0, 'unknown-applied');
  await world.clock.advance('150s');
  process.storage.heal(0);
  await world.clock.advance('80s');
  const { fired, missed } = (await world.schedule()).state;
  expect([fired, missed]).toEqual([2, 1]);
  expect(await world.stored('q')).toHaveLength(fired);
});

test('a process that stops while its storage is down hands a schedule over, which does not fail', async () => {
  process.storage.cut(0);
  await world.clock.advance('62s');
  await process.service.shutdown();
  expect(await failure()).toBeUndefined();
  const other = world.start();
  await world.clock.advance('1s');
  expect(other.events).toEqual({ fired: 1 });
});
