import { backgroundPauseMs, type Random } from '@querator/core';

/** Fractions of the poll interval between two ticks. A change is seen within one interval, the poll itself included. */
const TICK = { shortest: 0.65, longest: 0.9 } as const;
/** Less than the shortest tick, so that a poll that is due at every tick misses none. */
const EARLY = 0.6;
/** While change notifications arrive, polls only find changes that were not published. */
const LISTENING_FACTOR = 12;

/** Milliseconds to the next tick. Jitter spreads the polls of the servers of one database. */
export function untilTickMs(pollMs: number, random: Random): number {
  return pollMs * (TICK.shortest + random.fraction() * (TICK.longest - TICK.shortest));
}

/** Whether a poll is due at this tick, `sinceMs` after the last one. */
export function isPollDue(sinceMs: number, intervalMs: number, listening: boolean | undefined): boolean {
  return sinceMs >= intervalMs * EARLY * (listening === true ? LISTENING_FACTOR : 1);
}

/** The pause after a poll, from the time that it took. */
export function pauseMs(tookMs: number, longestMs: number): number {
  return Math.min(backgroundPauseMs(tookMs), longestMs);
}
