import type { Clock } from '@querator/core';

/** A limit of our own ran out: no connection in time, or no answer in time. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}

/** How long to wait, by which clock, and what to say when it was in vain. */
export interface TimeLimit {
  readonly ms: number;
  readonly clock: Clock;
  readonly message: string;
}

/**
 * What `work` settles to, or a {@link TimeLimitError} when that takes longer
 * than the limit. The work goes on; what it settles to then is ignored.
 */
export function withTimeLimit<T>(work: Promise<T>, limit: TimeLimit): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = limit.clock.startTimer(limit.ms, () => reject(new TimeLimitError(limit.message)));
    work.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}
