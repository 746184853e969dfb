import type { Client } from '@querator/client';
import type { Schedule } from '@querator/protocol';
import type { Work } from '../repeat.ts';
import { createPausedSchedule, isPlaceholder } from './create-paused-schedule.ts';
import { namespaceOf, schedulesByName } from './schedules-of.ts';

/**
 * Creates schedules, all of them paused: where they come from, they may fire still. Leaves
 * those alone that exist. May be repeated.
 *
 * @returns by queues, the names of those that were active and are paused now.
 * @throws the error of a call.
 */
export async function importSchedules(
  options: Work & { readonly client: Client },
  schedules: readonly Schedule[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const paused = new Map<string, readonly string[]>();
  for (const queue of new Set(schedules.map(({ queueName }) => queueName))) {
    const namespace = await namespaceOf(options, queue);
    const there = await schedulesByName(options, namespace);
    const names: string[] = [];
    for (const schedule of schedules.filter(({ queueName }) => queueName === queue)) {
      const { name, state } = schedule;
      const other = there.get(name);
      const isThere = other !== undefined && !isPlaceholder(other, schedule);
      const isPaused = isThere
        ? other.state === 'paused' && other.queueName === queue
        : await createPausedSchedule(options, namespace, schedule);
      if (isPaused && state !== 'paused') names.push(name);
    }
    paused.set(queue, names);
  }
  return paused;
}
