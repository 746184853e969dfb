import {
  type Duration,
  PAUSABLE,
  type Pausable,
  type Pause,
  type PauseChange,
  type Pauses,
  pauseHasPassed,
} from '@querator/core';
import { instantFromText, instantToText } from '../wire/instant-text.ts';

/**
 * The pauses of a queue are in the JSON of its first placement. They end with the
 * queue, and a server of an earlier version ignores a property there.
 */
export const PAUSES = "'{0,pauses}'";

/** When each pause ends, as JSON: a text as PostgreSQL writes a time, or null if the queue must be resumed. */
export type PauseEnds = Readonly<Partial<Record<Pausable, string | null>>>;

/** The pauses that are in force. Undefined: none. */
export function pausesOf(ends: PauseEnds | undefined, readAt: string): Pauses | undefined {
  if (ends === undefined) return undefined;
  const now = instantFromText(readAt);
  const pauses: Partial<Record<Pausable, Pause>> = {};
  for (const work of PAUSABLE) {
    const end = ends[work];
    if (end === undefined) continue;
    const until = end === null ? undefined : instantFromText(end);
    if (until !== undefined && until <= now) continue;
    pauses[work] = { until, left: until && (((until - now) * 1_000n) as Duration) };
  }
  return Object.keys(pauses).length === 0 ? undefined : pauses;
}

/**
 * The pauses after a change.
 *
 * @throws QueueError `invalid` if an `until` has passed.
 */
export function changedEnds(
  ends: PauseEnds | undefined,
  changes: Readonly<Partial<Record<Pausable, PauseChange>>>,
  readAt: string,
): PauseEnds {
  const now = instantFromText(readAt);
  const changed: Partial<Record<Pausable, string | null>> = { ...ends };
  for (const work of PAUSABLE) {
    const change = changes[work];
    if (change === 'resume') delete changed[work];
    else if (change !== undefined) {
      if (change.until !== undefined && change.until <= now) throw pauseHasPassed();
      changed[work] = change.until === undefined ? null : instantToText(change.until).replace('T', ' ');
    }
  }
  return changed;
}
