import type { Clock } from '../time/clock.ts';

/**
 * Waits for `work`, at most `ms` milliseconds. After that the work continues.
 *
 * @returns the result of `work`, or undefined when the time is up first.
 * @throws what `work` rejects with.
 */
export function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.startTimer(ms, () => resolve(undefined));
    work.then(resolve, reject).finally(cancel);
  });
}
