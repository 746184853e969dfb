import { beforeEach, describe, expect, test } from 'vitest';
import {
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
  await setup.service.queues.create(queueCall('q', { expireTimeout: '2400h', leaseTimeout: '1h' }));
});

const create = (missed: string, cron = '* * * * *') =>
  setup.service.schedules.create(scheduleCall({ missed, cron }));

describe('times that passed while no process ran', () => {
  test.each([
    // The last of them is 30 s late, which is no miss.
    ['skip', { fired: 1, missed: 9 }],
    ['one', { fired: 1, missed: 9 }],
    ['all', { fired: 10, missed: 0 }],
  ])('%s', async (missed, counts) => {
    await create(missed);
    await world.clock.advance('10m30s');
    const process = world.start();
    await world.untilIdle();
    expect(await world.stored('q')).toHaveLength(counts.fired);
    expect((await world.schedule()).state).toMatchObject({ ...counts, backlog: undefined });
    expect(process.events).toEqual({
      ...{ fired: counts.fired },
      ...(counts.missed === 0 ? {} : { missed: counts.missed }),
    });
    await world.clock.advance('30s');
    expect((await world.schedule()).state).toMatchObject({ ...counts, fired: counts.fired + 1 });
  });

  test('the oldest 1,000 are fired, and the others counted', async () => {
    await create('all');
    await world.clock.advance('1200m');
    world.start();
    await world.untilIdle();
    expect(await world.stored('q')).toHaveLength(1_000);
    const { state, createdAt } = await world.schedule();
    expect(state).toMatchObject({ fired: 1_000, missed: 200, backlog: undefined });
    expect(state.firedAt).toBe(createdAt + 1_000n * 60_000_000n);
  });

  test('many are counted in several steps', async () => {
    await create('skip');
    await world.clock.advance('3500m');
    world.start();
    await world.untilIdle();
    expect((await world.schedule()).state).toMatchObject({ fired: 2, missed: 3_498 });
  });
});

describe('an attempt of which nobody knows how it ended', () => {
  test('fires nothing later if it was to pass the time over', async () => {
    await create('skip');
    await world.clock.advance('10m');
    const dies = world.start();
    dies.diesAtSettle = true;
    await world.clock.advance('1s');
    void dies.service.shutdown();
    const next = world.start();
    await world.clock.advance('31s');
    await world.untilIdle();
    // Only the last time is not late.
    expect((await world.schedule()).state).toMatchObject({ fired: 1, missed: 9 });
    expect(await world.stored('q')).toHaveLength(1);
    expect(next.events).toEqual({ fired: 1, missed: 9 });
  });

  test.each(['skip', 'one', 'all'])('is repeated, and stores the item once (%s)', async (missed) => {
    await create(missed);
    const dies = world.start();
    dies.diesAtSettle = true;
    await world.clock.advance('1m');
    expect(await world.stored('q')).toEqual(['tick']);
    const next = world.start();
    await world.clock.advance('29s');
    expect(next.events).toEqual({});
    await world.clock.advance('1s');
    expect(next.events).toEqual({ fired: 1 });
    expect(await world.stored('q')).toEqual(['tick']);
    expect((await world.schedule()).state).toMatchObject({ fired: 1, missed: 0 });
  });

  test('is repeated for as long as its dedup key lasts, and not after that', async () => {
    await create('one', '0 0 1 * *');
    const untilDue = async () => ((await world.schedule()).state.dueAt ?? 0n) - world.clock.now();
    for (const [hours, events] of [
      [334, { fired: 1 }],
      [335, { missed: 1 }],
    ] as const) {
      await world.clock.advance(`${Number(await untilDue()) / 1_000}ms`);
      const dies = world.start();
      dies.diesAtSettle = true;
      await world.clock.advance('1s');
      const stored = (await world.stored('q')).length;
      // Its timers end; what it was recording never does.
      void dies.service.shutdown();
      await world.clock.advance(`${hours}h`);
      const next = world.start();
      await world.clock.advance('1s');
      expect(next.events).toEqual(events);
      expect(await world.stored('q')).toHaveLength(stored);
      const isLost = next.logged.some((line) => line.startsWith('a time of a schedule is not fired again'));
      expect(isLost).toBe('missed' in events);
      await next.service.shutdown();
    }
  });
});
