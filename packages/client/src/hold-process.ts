/** The longest interval there is; what it does at its end does not matter. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Keeps the process alive until the returned function is called. A clock's
 * timers do not, so a consumer that only waits for its next attempt would end
 * with the process instead.
 */
export function holdProcess(): () => void {
  // biome-ignore lint/style/noRestrictedGlobals: no time is measured, only the process held.
  const handle = setInterval(() => {}, LONGEST_TIMER_MS);
  return () => clearInterval(handle);
}
