import process from 'node:process';

/** The process that owns turns of the event loop. */
export interface TurnOwner {
  /**
   * Defers a turn while the process sleeps.
   *
   * @returns whether it did.
   */
  deferTurn(turn: () => void): boolean;
}

/** Node's own, also while a simulation replaces it. */
const realTick = process.nextTick;

interface Immediate {
  readonly owner: TurnOwner | undefined;
  readonly callback: () => void;
}

/** Functions whose results no seed determines. A simulation must not call them. */
const FORBIDDEN = ['setTimeout', 'setInterval'] as const;

/**
 * The single thread of a simulation. During a seed it replaces the event loop:
 * `setImmediate` goes to its own queue, and each event runs with all promise
 * callbacks that it causes. So the same seed always takes the same course. Real
 * timers, real time and real randomness throw.
 */
export class SimulatedEventLoop {
  readonly #immediates: Immediate[] = [];
  #next = 0;
  #owner: TurnOwner | undefined;

  /** Replaces the event loop until `body` has settled. */
  async run<T>(body: () => Promise<T>): Promise<T> {
    const restore = this.#takeOver();
    try {
      return await body();
    } finally {
      restore();
    }
  }

  /** Attributes the turns of the current event to this owner. One event belongs to one engine. */
  turnOf(owner: TurnOwner): void {
    this.#owner = owner;
  }

  /** Runs everything that needs no passing of time. */
  async settle(): Promise<void> {
    await promiseCallbacks();
    while (this.#next < this.#immediates.length) {
      const { owner, callback } = this.#immediates[this.#next++] as Immediate;
      if (this.#next === this.#immediates.length) {
        this.#immediates.length = 0;
        this.#next = 0;
      }
      if (owner?.deferTurn(callback) === true) continue;
      callback();
      await promiseCallbacks();
    }
    this.#owner = undefined;
  }

  #takeOver(): () => void {
    const real = {
      setImmediate: globalThis.setImmediate,
      setTimeout: globalThis.setTimeout,
      setInterval: globalThis.setInterval,
      now: Date.now,
      random: Math.random,
      stackTraceLimit: Error.stackTraceLimit,
      nextTick: process.nextTick,
    };
    // Errors are frequent here, and stack traces are most of their cost.
    Error.stackTraceLimit = 0;
    const immediates = this.#immediates;
    globalThis.setImmediate = ((callback: (...args: unknown[]) => void, ...args: unknown[]) => {
      immediates.push({
        owner: this.#owner,
        callback: args.length === 0 ? callback : () => callback(...args),
      });
    }) as unknown as typeof setImmediate;
    // A tick belongs to the event that asks for it, as its promise callbacks do.
    process.nextTick = ((callback: (...args: unknown[]) => void, ...args: unknown[]) =>
      queueMicrotask(() => callback(...args))) as typeof process.nextTick;
    for (const name of FORBIDDEN) globalThis[name] = forbidden(name) as never;
    Date.now = forbidden('Date.now');
    Math.random = forbidden('Math.random');
    return () => {
      process.nextTick = real.nextTick;
      globalThis.setImmediate = real.setImmediate;
      globalThis.setTimeout = real.setTimeout;
      globalThis.setInterval = real.setInterval;
      Date.now = real.now;
      Math.random = real.random;
      Error.stackTraceLimit = real.stackTraceLimit;
    };
  }
}

/** Resolves when no promise callback is left. Node runs a tick only then. */
function promiseCallbacks(): Promise<void> {
  return new Promise((resolve) => realTick(resolve));
}

function forbidden(name: string): () => never {
  return () => {
    throw new Error(`${name} has no place in a simulation: time and chance come from the clock and the seed`);
  };
}
