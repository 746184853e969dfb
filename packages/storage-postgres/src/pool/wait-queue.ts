import type { Clock } from '@querator/core';

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** Requests that wait for a value, in order of arrival, each with a time limit. */
export class WaitQueue<T> {
  readonly #clock: Clock;
  #waiters: Waiter<T>[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get length(): number {
    return this.#waiters.length;
  }

  /** Waits at the end of the queue. Rejects with the error of `timeout` after the limit. */
  wait(limitMs: number, timeout: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.startTimer(limitMs, () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(timeout());
      });
      const waiter: Waiter<T> = {
        resolve: (value) => {
          cancel();
          resolve(value);
        },
        reject: (error) => {
          cancel();
          reject(error);
        },
      };
      this.#waiters.push(waiter);
    });
  }

  /** Resolves the first request. @returns whether there was one. */
  resolveFirst(value: T): boolean {
    const waiter = this.#waiters.shift();
    waiter?.resolve(value);
    return waiter !== undefined;
  }

  /** Rejects the first request. @returns whether there was one. */
  rejectFirst(error: unknown): boolean {
    const waiter = this.#waiters.shift();
    waiter?.reject(error);
    return waiter !== undefined;
  }
}
