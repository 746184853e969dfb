/** One call that waits at a gate. */
interface Entry {
  readonly begin: () => void;
  readonly refuse: (error: Error) => void;
}

/**
 * Lets so many calls through at a time. Those who wait are served in turns, one
 * call each, so that one with a thousand calls holds nobody up for long.
 */
export class FairGate {
  readonly #limit: number;
  #underWay = 0;
  /** The calls of each who waits; who was served last is at the end. */
  readonly #waiting = new Map<object, Entry[]>();

  /** @param limit at least 1. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Makes a call when it is `who`'s turn, and passes its result on.
   *
   * @throws what `call` throws, or what `leave` was given.
   */
  async run<T>(who: object, call: () => Promise<T>): Promise<T> {
    if (this.#underWay >= this.#limit) await this.#turn(who);
    else this.#underWay++;
    try {
      return await call();
    } finally {
      this.#ended();
    }
  }

  /** Refuses those calls of `who` that have not begun. */
  leave(who: object, error: Error): void {
    const entries = this.#waiting.get(who) ?? [];
    this.#waiting.delete(who);
    for (const { refuse } of entries) refuse(error);
  }

  #turn(who: object): Promise<void> {
    return new Promise((begin, refuse) => {
      const entries = this.#waiting.get(who);
      if (entries === undefined) this.#waiting.set(who, [{ begin, refuse }]);
      else entries.push({ begin, refuse });
    });
  }

  /** The place of a call that has ended goes to the next in turn. */
  #ended(): void {
    const next = this.#waiting.entries().next().value;
    if (next === undefined) {
      this.#underWay--;
      return;
    }
    const [who, entries] = next;
    const first = entries.shift();
    this.#waiting.delete(who);
    if (entries.length > 0) this.#waiting.set(who, entries);
    first?.begin();
  }
}
