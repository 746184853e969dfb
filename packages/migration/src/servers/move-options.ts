import type { Client } from '@querator/client';
import { addDuration, type Clock, type Instant, parseDuration } from '@querator/core';
import type { QueueInfo } from '@querator/protocol';
import type { KeyCounts } from '../items/dedup-keys.ts';
import type { TargetQueue } from '../queues/create-queues.ts';
import type { CarriedQuota } from '../queues/quotas.ts';
import type { Work } from '../repeat.ts';
import type { InDoubt, Journal } from './in-flight.ts';

export interface MoveOptions extends Work {
  readonly from: Client;
  readonly to: Client;
  /** Judges the deadlines of the source. A difference of 5 s does no harm. */
  readonly clock: Clock;
  /** What the move goes on with if it is killed. */
  readonly journal: Journal;
  /** What to move. Empty: all queues of the namespace. */
  readonly queues: readonly string[];
  /** Whose queues to move if none is named. Undefined: the system namespace. */
  readonly namespace?: string | undefined;
  /** Where new queues go. Undefined: the namespace that each has. */
  readonly targetNamespace?: string | undefined;
  /** How long a move may be repeated, such as `24h`. */
  readonly window: string;
  /** Called with the number of items of the queue so far. */
  readonly progress?: ((queue: string, items: number) => void) | undefined;
}

/** What became of one queue. */
export interface MovedQueue extends TargetQueue {
  readonly queue: string;
  /** Items that are at the target now, and no longer at the source. */
  readonly moved: number;
  /** Items that the source could not give away, when they were last looked at. */
  readonly left: number;
}

/** What became of a schedule, or of all of a queue. */
export interface MovedSchedule {
  readonly queue: string;
  /** Empty: all schedules of the queue. */
  readonly name: string;
  /**
   * - `active`: it fires at the target, and is paused at the source.
   * - `paused`: it is paused at both, as it was.
   * - `waits`: it is at the source only, which has items of its queue left.
   * - `exists`: the target has one of this name too. Both are as they were.
   * - `hidden`: the caller may not see the schedules of the source.
   */
  readonly became: 'active' | 'paused' | 'waits' | 'exists' | 'hidden';
}

/** What a move did. */
export interface MoveReport {
  readonly queues: readonly MovedQueue[];
  /** Of a move that was killed and begun again too late. They are at the source, at the target, or at both. */
  readonly inDoubt: readonly InDoubt[];
  /** The schedules of these queues. */
  readonly schedules: readonly MovedSchedule[];
  /** What became of the quotas of their namespaces. */
  readonly quotas: readonly CarriedQuota[];
  /** The dedup keys of these queues, by their names. The source has them too. */
  readonly keys: ReadonlyMap<string, KeyCounts>;
}

/** A queue at both servers. */
export interface QueuePair {
  readonly info: QueueInfo;
  readonly target: TargetQueue;
}

/** How far the clocks of the source and of this process may differ. */
const SKEW = parseDuration('5s');

/** When the clock of the source has certainly passed an instant, whatever the difference of the clocks. */
export function surelyPast(instant: Instant): Instant {
  return addDuration(instant, SKEW);
}

/** Whether an item that is safe until then still is, whatever the difference of the clocks. */
export function isSafe(safeUntil: Instant, now: Instant): boolean {
  return surelyPast(now) < safeUntil;
}
