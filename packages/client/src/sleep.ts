import type { Clock } from '@querator/core';

/** Waits for `ms` milliseconds, or until the signal is aborted. Never throws. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.startTimer(delayMs, end);
    signal.addEventListener('abort', end);
  });
}
