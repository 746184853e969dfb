import type { Service } from '@querator/engine';
import { orFail } from './outcome-of.ts';
import type { LateSchedule, ScheduleCalls } from './schedule-calls.ts';
import { itemOf } from './service-calls.ts';

/** The calls about schedules on a service in this process. */
export function serviceScheduleCalls({ schedules }: Service, queueName: string): ScheduleCalls {
  const callOf = ({ name, cron, missed }: LateSchedule) => ({
    ...{ name, queueName, cron, missed, timeZone: 'UTC', until: undefined, item: itemOf(name, undefined) },
  });
  return {
    create: async (schedule) => {
      await orFail(schedules.create(callOf(schedule)));
    },
    update: async (schedule) => {
      await orFail(schedules.update(callOf(schedule)));
    },
    progress: async () => {
      const call = { namespace: '', queueName, pivot: '', limit: 0 };
      const { schedules: listed } = await orFail(schedules.list(call));
      return listed.map(({ name, state: { dueAt, fired, missed } }) => ({
        ...{ name, fired, missed, nextAt: dueAt === undefined ? undefined : Number(dueAt) / 1_000 },
      }));
    },
  };
}
