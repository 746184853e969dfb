import type { Clock } from '@querator/core';

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** Those who wait for something, first come, first served, and each not for ever. */
export class WaitingLine<T> {
  readonly #clock: Clock;
  #waiters: Waiter<T>[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get length(): number {
    return this.#waiters.length;
  }

  /** Waits at the end of the line, at most so long; then it fails with what `tooLate` says. */
  join(limitMs: number, tooLate: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.startTimer(limitMs, () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(tooLate());
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

  /** Gives the first what it waits for. @returns whether there was one. */
  serveFirst(value: T): boolean {
    const waiter = this.#waiters.shift();
    waiter?.resolve(value);
    return waiter !== undefined;
  }

  /** Sends the first away. @returns whether there was one. */
  failFirst(error: unknown): boolean {
    const waiter = this.#waiters.shift();
    waiter?.reject(error);
    return waiter !== undefined;
  }
}
