import process from 'node:process';

/** Whose turns of the event loop there are. */
export interface TurnTaker {
  /** Keeps a turn back, where it has none to take for now. @returns whether it did. */
  keepTurn(turn: () => void): boolean;
}

interface Immediate {
  readonly taker: TurnTaker | undefined;
  readonly callback: () => void;
}

/** What a simulation may not touch: it would bring in something that no seed decides. */
const FORBIDDEN = ['setTimeout', 'setInterval'] as const;

/**
 * The one thread of a simulation. While it runs a seed it takes the place of
 * the event loop: `setImmediate` goes to a line of its own, and one thing
 * happens after the other, each with all promise callbacks it sets off. Nothing
 * outside gets a turn, so the same seed takes the same course, always. Real
 * timers, the real time and real chance are refused.
 */
export class ClosedWorld {
  readonly #immediates: Immediate[] = [];
  #next = 0;
  #taker: TurnTaker | undefined;

  /** Takes over from the event loop until `body` has settled. */
  async run<T>(body: () => Promise<T>): Promise<T> {
    const restore = this.#takeOver();
    try {
      return await body();
    } finally {
      restore();
    }
  }

  /** What is called until all has settled belongs to this one: one event is one engine's. */
  turnOf(taker: TurnTaker): void {
    this.#taker = taker;
  }

  /** Lets everything run that needs no passing of time. */
  async settle(): Promise<void> {
    await promiseCallbacks();
    while (this.#next < this.#immediates.length) {
      const { taker, callback } = this.#immediates[this.#next++] as Immediate;
      if (this.#next === this.#immediates.length) {
        this.#immediates.length = 0;
        this.#next = 0;
      }
      if (taker?.keepTurn(callback) === true) continue;
      callback();
      await promiseCallbacks();
    }
    this.#taker = undefined;
  }

  #takeOver(): () => void {
    const real = {
      setImmediate: globalThis.setImmediate,
      setTimeout: globalThis.setTimeout,
      setInterval: globalThis.setInterval,
      now: Date.now,
      random: Math.random,
      stackTraceLimit: Error.stackTraceLimit,
    };
    // Errors are an everyday matter here, and their stack traces the greater part of their cost.
    Error.stackTraceLimit = 0;
    const immediates = this.#immediates;
    globalThis.setImmediate = ((callback: (...args: unknown[]) => void, ...args: unknown[]) => {
      immediates.push({
        taker: this.#taker,
        callback: args.length === 0 ? callback : () => callback(...args),
      });
    }) as unknown as typeof setImmediate;
    for (const name of FORBIDDEN) globalThis[name] = forbidden(name) as never;
    Date.now = forbidden('Date.now');
    Math.random = forbidden('Math.random');
    return () => {
      globalThis.setImmediate = real.setImmediate;
      globalThis.setTimeout = real.setTimeout;
      globalThis.setInterval = real.setInterval;
      Date.now = real.now;
      Math.random = real.random;
      Error.stackTraceLimit = real.stackTraceLimit;
    };
  }
}

/** Resolves when no promise callback is left to run: Node takes up a tick only then. */
function promiseCallbacks(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

function forbidden(name: string): () => never {
  return () => {
    throw new Error(`${name} has no place in a simulation: time and chance come from the clock and the seed`);
  };
}
