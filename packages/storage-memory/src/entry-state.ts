import { addDuration, type Instant, type ItemListRequest, SCHEDULE_THRESHOLD } from '@querator/core';
import type { Entry } from './entry.ts';

/** Whether a list of that state contains the entry. */
export function isListed({ state }: Entry, asked: ItemListRequest['state']): boolean {
  return state === 'scheduled' || state === 'prepared' ? state === asked : asked === 'queued';
}

/** `at` if it is at least the schedule threshold ahead; otherwise undefined. */
export function laterThanThreshold(at: Instant | undefined, now: Instant): Instant | undefined {
  return at !== undefined && at >= addDuration(now, SCHEDULE_THRESHOLD) ? at : undefined;
}

/** The given state until the given time; waiting if there is none. */
export function waitingOr(
  state: 'leased' | 'prepared' | 'scheduled',
  until: Instant | undefined,
  expireDeadline: Instant,
) {
  return until === undefined
    ? ({ state: 'waiting', due: expireDeadline } as const)
    : ({ state, due: until } as const);
}
