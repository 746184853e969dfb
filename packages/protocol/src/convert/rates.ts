import type { MinuteCounts, QueueDepthSample, Rates } from '@querator/core';
import type { QueuesDepth, QueuesMinute, QueuesRatesResponse } from '../gen/querator/v2/queues.ts';
import { toTimestamp } from '../time/wire-time.ts';
import { ageOf } from './queue-description.ts';

const MOST = 2 ** 31 - 1;

/** The wire form of what happened to a queue. */
export function fromRates({ now, counts }: Rates): QueuesRatesResponse {
  return {
    now: toTimestamp(now),
    minutes: counts.map(fromMinute),
  };
}

/** The wire form of what happened to a queue in one minute. */
export function fromMinute({
  minute,
  produced,
  leased,
  completed,
  retried,
  dead,
  depth,
}: Omit<MinuteCounts, 'queue'>): QueuesMinute {
  return {
    minute: toTimestamp(minute),
    produced: Math.min(produced, MOST),
    leased: Math.min(leased, MOST),
    completed: Math.min(completed, MOST),
    retried: Math.min(retried, MOST),
    dead: Math.min(dead, MOST),
    depth: depth && fromDepth(depth),
  };
}

function fromDepth({ waiting, leased, scheduled, headAgeMs }: QueueDepthSample): QueuesDepth {
  return {
    waiting: Math.min(waiting, MOST),
    leased: Math.min(leased, MOST),
    scheduled: Math.min(scheduled, MOST),
    headAge: ageOf(headAgeMs || undefined),
  };
}
