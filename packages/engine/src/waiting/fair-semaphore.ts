/** A call that waits for its turn. */
interface WaitingCall {
  readonly begin: () => void;
  readonly refuse: (error: Error) => void;
}

/**
 * Limits how many calls run at a time. Owners take turns, one call each, so
 * that an owner with a thousand calls does not block the others.
 */
export class FairSemaphore {
  readonly #limit: number;
  #running = 0;
  /** Waiting calls by owner. The owner served last is at the end. */
  readonly #waiting = new Map<object, WaitingCall[]>();

  /** @param limit at least 1. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Runs `call` when it is the owner's turn, and returns its result.
   *
   * @throws what `call` throws, or the error given to `refuseWaiting`.
   */
  async run<T>(owner: object, call: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) await this.#turn(owner);
    else this.#running++;
    try {
      return await call();
    } finally {
      this.#ended();
    }
  }

  /** Refuses the calls of `owner` that have not begun. */
  refuseWaiting(owner: object, error: Error): void {
    const calls = this.#waiting.get(owner) ?? [];
    this.#waiting.delete(owner);
    for (const { refuse } of calls) refuse(error);
  }

  #turn(owner: object): Promise<void> {
    return new Promise((begin, refuse) => {
      const calls = this.#waiting.get(owner);
      if (calls === undefined) this.#waiting.set(owner, [{ begin, refuse }]);
      else calls.push({ begin, refuse });
    });
  }

  /** Passes the place of a call that has ended to the next owner. */
  #ended(): void {
    const next = this.#waiting.entries().next().value;
    if (next === undefined) {
      this.#running--;
      return;
    }
    const [owner, calls] = next;
    const first = calls.shift();
    this.#waiting.delete(owner);
    if (calls.length > 0) this.#waiting.set(owner, calls);
    first?.begin();
  }
}
