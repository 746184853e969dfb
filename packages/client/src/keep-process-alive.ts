/** The longest interval. Its callback does nothing. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Keeps the process alive until the returned function is called. A clock's
 * timers do not: without this, the process would exit while a consumer waits for
 * its next attempt.
 */
export function keepProcessAlive(): () => void {
  // biome-ignore lint/style/noRestrictedGlobals: no time is measured, the interval only keeps the process alive.
  const handle = setInterval(() => {}, LONGEST_TIMER_MS);
  return () => clearInterval(handle);
}
