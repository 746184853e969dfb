/** Polls, samples and checks in the background take at most one of this many parts of the time. */
export const BACKGROUND_PARTS = 20;

/** The pause, in milliseconds, after background work that took `tookMs`. */
export function backgroundPauseMs(tookMs: number): number {
  return BACKGROUND_PARTS * tookMs;
}
