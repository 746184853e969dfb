/** 500 ms × 1.5^failures, at most 5 s. */
const FIRST_DELAY_MS = 500;
const BACK_OFF_FACTOR = 1.5;
const LONGEST_DELAY_MS = 5_000;

/** The delay before the next attempt at a probe, a dead-letter move or an activation. @param failures in a row. */
export function backOffMs(failures: number): number {
  // The power overflows long after the delay has reached its limit.
  return Math.min(FIRST_DELAY_MS * BACK_OFF_FACTOR ** Math.min(failures, 20), LONGEST_DELAY_MS);
}
