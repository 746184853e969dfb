import { createClient } from '@querator/client';
import { type CallTimes, millisecondsOf } from './http-calls.ts';
import { orFail } from './outcome-of.ts';
import type { LateSchedule, ScheduleCalls } from './schedule-calls.ts';

/** The calls about schedules over HTTP. */
export function httpScheduleCalls(endpoint: string, queueName: string, times: CallTimes): ScheduleCalls {
  const { schedules } = createClient({ endpoint }).v2;
  const patience = { timeoutMs: times.otherMs + times.marginMs };
  const requestOf = ({ name, cron, missed }: LateSchedule) => ({
    ...{ name, queueName, cron, missed, timeZone: 'UTC', item: { utf8: name } },
  });
  return {
    create: async (schedule) => {
      await orFail(schedules.create(requestOf(schedule), patience));
    },
    update: async (schedule) => {
      await orFail(schedules.update(requestOf(schedule), patience));
    },
    progress: async () => {
      const { items } = await orFail(schedules.list({ queueName }, patience));
      return items.map(({ name, nextAt, firedCount, missedCount }) => ({
        ...{ name, nextAt: nextAt && millisecondsOf(nextAt) },
        ...{ fired: Number(firedCount), missed: Number(missedCount) },
      }));
    },
  };
}
