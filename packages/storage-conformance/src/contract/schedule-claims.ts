import {
  milliseconds,
  type Schedule,
  type ScheduleChange,
  type ScheduleState,
  type SettledSchedule,
} from '@querator/core';
import { describe, expect } from 'vitest';
import { CLAIM, dueAt, onSchedules } from '../fixture/schedules.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `ScheduleStore` promises about the schedules that are due. */
export function describeScheduleClaims(test: StorageTest): void {
  describe('schedule store: claims', () => {
    test.ofSchedules(
      'claims what is due, the longest due first',
      onSchedules(async (schedules) => {
        const { store, fixture } = schedules;
        await schedules.add('third', '3s');
        await schedules.add('first', '1s');
        await schedules.add('second', '2s');
        await schedules.add('never', undefined);
        expect(await schedules.claim()).toEqual({ claimed: [], nextMs: 1_000 });
        await fixture.clock.advance('2s');
        const { claimed, nextMs } = await schedules.claim(store, 1);
        expect(nextMs).toBe(0);
        expect(claimed).toMatchObject([
          { schedule: { name: 'first' }, claimedAt: fixture.clock.now(), doubtSince: undefined },
        ]);
        const rest = await schedules.claim();
        expect(rest.claimed.map(({ schedule }) => schedule.name)).toEqual(['second']);
        expect(rest.nextMs).toBe(1_000);
      }),
    );

    test.ofSchedules(
      'a claimed schedule is claimed again once its claim has ended, and is in doubt then',
      onSchedules(async (schedules) => {
        const { fixture } = schedules;
        await schedules.add('one', '1s');
        await fixture.clock.advance('1s');
        const first = fixture.clock.now();
        const { schedule, claim } = await schedules.claimOne();
        expect(await schedules.claim()).toMatchObject({ claimed: [], nextMs: 30_000 });
        await fixture.clock.advance(CLAIM);
        const second = await schedules.claimOne();
        expect(second).toMatchObject({ schedule, doubtSince: first });
        expect(second.claim).toBeGreaterThan(claim);
        await fixture.clock.advance(CLAIM);
        expect(await schedules.claimOne()).toMatchObject({ doubtSince: first });
      }),
    );

    test.ofSchedules(
      'a settled schedule is due at its new time',
      onSchedules(async (schedules) => {
        const { store, fixture } = schedules;
        const created = await schedules.add('one', '1s');
        await fixture.clock.advance('1s');
        const { schedule, claim } = await schedules.claimOne();
        const state: ScheduleState = {
          ...dueAt(schedules.after('5s')),
          ...{ firedAt: schedule.state.dueAt, fired: 1, missed: 2 },
        };
        const settled: SettledSchedule = { id: schedule.id, claim, state, doubtful: false };
        expect(await store.settle(settled)).toBe(true);
        expect(await schedules.list()).toEqual([{ ...created, state }]);
        // The second answer of a repeated statement is lost.
        expect(await store.settle(settled)).toBe(false);
        expect(await schedules.claim()).toMatchObject({ claimed: [], nextMs: 5_000 });
        await fixture.clock.advance('5s');
        expect(await schedules.claimOne()).toMatchObject({ schedule: { state }, doubtSince: undefined });
      }),
    );

    test.ofSchedules(
      'a failed attempt is repeated after its delay, and stays in doubt if it may have stored the item',
      onSchedules(async (schedules) => {
        const { store, fixture } = schedules;
        await schedules.add('one', '1s');
        await fixture.clock.advance('1s');
        const since = fixture.clock.now();
        for (const doubtful of [true, false]) {
          const { schedule, claim } = await schedules.claimOne();
          const { id, state } = schedule;
          const retryAfter = milliseconds(2_500);
          expect(await store.settle({ id, claim, state, retryAfter, doubtful })).toBe(true);
          await fixture.clock.advance('2400ms');
          expect(await schedules.claim()).toMatchObject({ claimed: [], nextMs: 100 });
          await fixture.clock.advance('100ms');
          if (doubtful) continue;
          expect(await schedules.claimOne()).toMatchObject({ doubtSince: undefined });
        }
        await fixture.clock.advance(CLAIM);
        expect((await schedules.claimOne()).doubtSince).toBeGreaterThan(since);
      }),
    );

    test.ofSchedules(
      'a process whose claim has ended settles nothing',
      onSchedules(async (schedules) => {
        const { store, queue, fixture } = schedules;
        await schedules.add('one', '1s');
        await fixture.clock.advance('1s');
        const late = await schedules.claimOne();
        await fixture.clock.advance(CLAIM);
        const second = await schedules.claimOne();
        const settle = ({ schedule, claim }: typeof late) =>
          store.settle({ id: schedule.id, claim, state: dueAt(undefined), doubtful: false });
        expect(await settle(late)).toBe(false);
        await store.update(queue.namespace, 'one', (stored) => stored);
        expect(await settle(second)).toBe(false);
        // An update without a new time leaves the schedule due, and the attempt in doubt.
        const third = await schedules.claimOne();
        expect(third.doubtSince).toBe(late.claimedAt);
        await store.delete(queue.namespace, 'one');
        expect(await settle(third)).toBe(false);
        expect(await schedules.list()).toEqual([]);
      }),
    );

    test.ofSchedules(
      'a paused schedule is not claimed',
      onSchedules(async (schedules) => {
        const { store, queue, fixture } = schedules;
        await schedules.add('one', '1s');
        await fixture.clock.advance('1s');
        await schedules.claimOne();
        const change = (more: Partial<ScheduleChange>) =>
          store.update(queue.namespace, 'one', (stored: Schedule) => ({ ...stored, ...more }));
        await change({ paused: true });
        await fixture.clock.advance('1h');
        expect(await schedules.claimNames()).toEqual([]);
        await change({ paused: false, state: dueAt(schedules.after('0s')) });
        // With a new time, no attempt is in doubt.
        expect(await schedules.claimOne()).toMatchObject({ doubtSince: undefined });
      }),
    );

    test.ofSchedules(
      'one of many processes claims a schedule',
      onSchedules(async (schedules) => {
        const stores = [schedules.store, await schedules.otherStore(), await schedules.otherStore()];
        const names = Array.from({ length: 9 }, (_, number) => `schedule-${number}`);
        for (const name of names) await schedules.add(name, '1s');
        await schedules.fixture.clock.advance('1s');
        const found: string[] = [];
        // A look may find nothing while others claim, and is repeated then.
        for (let round = 0; round < 20 && found.length < names.length; round++) {
          const claims = [...stores, ...stores].map((store) => schedules.claimNames(store, 2));
          found.push(...(await Promise.all(claims)).flat());
        }
        expect(found.sort()).toEqual(names);
      }),
      'shared',
    );
  });
}
