import process from 'node:process';

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
  readonly #immediates: (() => void)[] = [];
  #next = 0;

  /** Takes over from the event loop until `body` has settled. */
  async run<T>(body: () => Promise<T>): Promise<T> {
    const restore = this.#takeOver();
    try {
      return await body();
    } finally {
      restore();
    }
  }

  /** Lets everything run that needs no passing of time. */
  async settle(): Promise<void> {
    await promiseCallbacks();
    while (this.#next < this.#immediates.length) {
      const callback = this.#immediates[this.#next++] as () => void;
      if (this.#next === this.#immediates.length) {
        this.#immediates.length = 0;
        this.#next = 0;
      }
      callback();
      await promiseCallbacks();
    }
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
      immediates.push(args.length === 0 ? callback : () => callback(...args));
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
