import type { Clock } from '@querator/core';
import { keepProcessAlive } from './keep-process-alive.ts';

/**
 * Waits for so many milliseconds, or until the signal is aborted. Keeps the process
 * alive meanwhile: a program that awaits a send may have nothing else to do. Never throws.
 */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const release = keepProcessAlive();
    const end = () => {
      release();
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.startTimer(delayMs, end);
    signal.addEventListener('abort', end);
  });
}
