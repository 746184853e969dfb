import type { Random } from '@querator/core';

/** Parts of the poll interval between two ticks: others know within one interval, the look itself included. */
const TICK = { shortest: 0.65, longest: 0.9 } as const;
/** Less than the shortest tick: nobody who looks at every tick misses one. */
const EARLY = 0.6;
/** While others are heard, looking is only for what they failed to say. */
const LISTENING_FACTOR = 12;

/** How long to the next tick. Jitter keeps the servers of a database from asking in step. */
export function untilTickMs(pollMs: number, random: Random): number {
  return pollMs * (TICK.shortest + random.fraction() * (TICK.longest - TICK.shortest));
}

/** Whether one who last looked so long ago looks at this tick. */
export function isLookDue(sinceMs: number, intervalMs: number, listening: boolean | undefined): boolean {
  return sinceMs >= intervalMs * EARLY * (listening === true ? LISTENING_FACTOR : 1);
}
