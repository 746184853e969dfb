/** semantics.md, section 15: 500 ms × 1.5^failures, at most 5 s. */
const FIRST_PROBE_MS = 500;
const BACK_OFF_FACTOR = 1.5;
const LONGEST_PROBE_MS = 5_000;

/** How long to wait before what failed so many times in a row, a probe or a move, is tried again. */
export function probeDelayMs(failures: number): number {
  // The power overflows long after the delay has reached its limit.
  return Math.min(FIRST_PROBE_MS * BACK_OFF_FACTOR ** Math.min(failures, 20), LONGEST_PROBE_MS);
}
