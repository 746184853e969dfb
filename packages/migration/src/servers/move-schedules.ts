import type { Client } from '@querator/client';
import type { Schedule } from '@querator/protocol';
import { repeat, type Work } from '../repeat.ts';
import { createPausedSchedule, isPlaceholder } from '../schedules/create-paused-schedule.ts';
import { namespaceOf, schedulesByName, schedulesOf } from '../schedules/schedules-of.ts';
import type { MovedQueue, MovedSchedule, MoveOptions } from './move-options.ts';
import type { MoveState } from './move-state.ts';

interface Side extends Work {
  readonly client: Client;
}

/**
 * Moves the schedules of queues of which the source has nothing left. Each is created at
 * the target paused, then paused at the source, then resumed at the target. So no time
 * is fired at both, however often this is killed. Those between the two are not fired.
 *
 * @throws the error of a call. Then it may be repeated.
 */
export async function moveSchedules(
  options: MoveOptions & { readonly state: MoveState },
  queues: readonly MovedQueue[],
): Promise<readonly MovedSchedule[]> {
  const { state } = options;
  const from: Side = { ...options, client: options.from };
  const to: Side = { ...options, client: options.to };
  const moved: MovedSchedule[] = [];
  for (const { queue, left } of queues) {
    const found = await schedulesOf(from, await namespaceOf(from, queue), queue);
    if (found === 'hidden') moved.push({ queue, name: '', became: 'hidden' });
    if (found === 'hidden' || found.length === 0) continue;
    const namespace = await namespaceOf(to, queue);
    const there = await schedulesByName(to, namespace);
    const isMissing = (schedule: Schedule) => {
      const other = there.get(schedule.name);
      return other === undefined || isPlaceholder(other, schedule) || state.carries(schedule.id);
    };
    const missing = found.filter(isMissing);
    for (const { name } of found.filter((each) => !isMissing(each) && each.state !== 'paused')) {
      moved.push({ queue, name, became: 'exists' });
    }
    // One that a killed move has begun with may fire at neither server.
    const ready = missing.filter(({ id }) => left === 0 || state.carries(id));
    moved.push(...(await moveAll({ from, to, state, namespace, there }, ready)));
    for (const schedule of missing) {
      if (!ready.includes(schedule)) moved.push({ queue, name: schedule.name, became: 'waits' });
    }
  }
  return moved;
}

async function moveAll(
  {
    from,
    to,
    state,
    namespace,
    there,
  }: {
    readonly from: Side;
    readonly to: Side;
    readonly state: MoveState;
    readonly namespace: string;
    readonly there: ReadonlyMap<string, Schedule>;
  },
  schedules: readonly Schedule[],
): Promise<readonly MovedSchedule[]> {
  const isActive = ({ id, state: its }: Schedule) => its !== 'paused' || state.carries(id);
  const active = schedules.filter(isActive).map(({ id }) => id);
  // A schedule that this move pauses is not one that was paused before.
  await state.schedulesLeave(active);
  const moved: MovedSchedule[] = [];
  for (const schedule of schedules) {
    const { name, queueName: queue } = schedule;
    const other = there.get(name);
    const isThere = other !== undefined && !isPlaceholder(other, schedule);
    if (!isThere && !(await createPausedSchedule(to, namespace, schedule))) continue;
    if (active.includes(schedule.id)) {
      const [paused, resumed] = [
        { namespace: schedule.namespace, name },
        { namespace, name },
      ];
      await repeat(from, () => from.client.v2.schedules.pause(paused, { signal: from.signal }));
      await repeat(to, () => to.client.v2.schedules.resume(resumed, { signal: to.signal }));
    }
    moved.push({ queue, name, became: active.includes(schedule.id) ? 'active' : 'paused' });
  }
  await state.schedulesArrived(active);
  return moved;
}
