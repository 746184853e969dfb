import type { NewItem, Schedule } from '@querator/core';
import type {
  ScheduledItem,
  Schedule as ScheduleMessage,
  ScheduleSettings,
} from '../gen/querator/v2/schedules.ts';
import { fromOptionalTimestamp, toTimestamp } from '../time/wire-time.ts';
import { toNewItemV2 } from './new-item.ts';

/** A schedule as a request names it. */
export function toScheduleCall({ item, until, ...settings }: ScheduleSettings) {
  return { ...settings, item: item && toScheduledItem(item), until: fromOptionalTimestamp(until) };
}

/** The wire form of a schedule. The payload is not copied. */
export function fromSchedule(schedule: Schedule): ScheduleMessage {
  const { id, namespace, name, queueName, cron, timeZone, missed, createdBy, paused, state } = schedule;
  const { item, until, createdAt, updatedAt } = schedule;
  const { dueAt, firedAt, failure } = state;
  return {
    ...{ id, namespace, name, queueName, cron, timeZone, missed, createdBy },
    item: fromScheduledItem(item),
    until: until && toTimestamp(until),
    state: stateOf(schedule),
    nextAt: dueAt === undefined || paused ? undefined : toTimestamp(dueAt),
    firedAt: firedAt && toTimestamp(firedAt),
    firedCount: state.fired,
    missedCount: state.missed,
    failure: failure && { ...failure, since: toTimestamp(failure.since) },
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}

function stateOf({ paused, state }: Schedule): string {
  if (paused) return 'paused';
  if (state.dueAt === undefined) return 'ended';
  return state.failure === undefined ? 'active' : 'failing';
}

function toScheduledItem(item: ScheduledItem): NewItem {
  return toNewItemV2({ ...item, enqueueAt: undefined, dedupKey: '' });
}

function fromScheduledItem({
  encoding,
  kind,
  reference,
  payload,
  metadata,
}: Schedule['item']): ScheduledItem {
  return { encoding, kind, reference, bytes: payload, utf8: '', metadata: new Map(metadata) };
}
