import { addDuration, type Instant, type ItemListRequest, SCHEDULE_THRESHOLD } from '@querator/core';
import type { Entry } from './entry.ts';

/** Whether a page of items in that state shows the entry. */
export function isListed({ state }: Entry, asked: ItemListRequest['state']): boolean {
  return state === 'scheduled' || state === 'prepared' ? state === asked : asked === 'queued';
}

/** The time at which an item is to enter the queue, if that is far enough ahead to wait for. */
export function laterThanThreshold(at: Instant | undefined, now: Instant): Instant | undefined {
  return at !== undefined && at >= addDuration(now, SCHEDULE_THRESHOLD) ? at : undefined;
}

/** In the given state until the given time, or waiting if there is none. */
export function waitingOr(
  state: 'leased' | 'prepared' | 'scheduled',
  until: Instant | undefined,
  expireDeadline: Instant,
) {
  return until === undefined
    ? ({ state: 'waiting', due: expireDeadline } as const)
    : ({ state, due: until } as const);
}
