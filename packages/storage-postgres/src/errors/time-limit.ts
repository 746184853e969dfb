import type { Clock } from '@querator/core';

/** One of our own time limits was exceeded: no connection in time, or no answer in time. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}

/** The limit, the clock that measures it, and the message of the error. */
export interface TimeLimit {
  readonly ms: number;
  readonly clock: Clock;
  readonly message: string;
}

/**
 * Settles as `work` does, or rejects with a {@link TimeLimitError} once the limit is
 * over. The work is not stopped; its later result is ignored.
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
