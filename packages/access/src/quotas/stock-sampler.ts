import { backgroundPauseMs, type CancelTimer, type Clock, type Logger, within } from '@querator/core';
import { Stock, type StockSize } from './stock.ts';

/** How old a sample may become while the namespace is used, in milliseconds. */
export const MOST_AGE_MS = 30_000;
/** A younger sample is not renewed, in milliseconds. */
export const LEAST_AGE_MS = 1_000;
/** How long a caller waits for a sample where there is none, in milliseconds. */
const FIRST_WAIT_MS = 1_000;
/** The pause after a sample that failed, in milliseconds. */
const FAILURE_PAUSE_MS = 1_000;

export interface StockSamplerDeps {
  readonly clock: Clock;
  /** Milliseconds that only grow, from any start. */
  readonly monotonicMs: () => number;
  readonly logger: Logger;
  /** Finds in storage what the queues of a namespace hold. */
  readonly measure: (namespace: string) => Promise<StockSize>;
}

interface Sampled {
  readonly stock: Stock;
  /** Called when the next sample ends, whether it succeeded or not. */
  waiting: (() => void)[];
}

/**
 * Samples what the queues of namespaces hold, one namespace after the other, with
 * pauses in between. Samples a namespace again while this process stores items in it:
 * after a second if samples are quick, and after 30 s at the latest.
 */
export class StockSampler {
  readonly #deps: StockSamplerDeps;
  readonly #stocks = new Map<string, Sampled>();
  /** The namespaces to sample, those that have waited for longest first. */
  readonly #wanted = new Set<string>();
  #running = false;
  #failing = false;
  #cancelPause: CancelTimer | undefined;
  #stopped = false;

  constructor(deps: StockSamplerDeps) {
    this.#deps = deps;
  }

  /** The stock of a namespace. */
  of(namespace: string): Stock {
    return this.#entry(namespace).stock;
  }

  /**
   * Undefined if there is a sample of this age at most. Otherwise waits for a new one,
   * for a second at most.
   */
  fresh(namespace: string, mostAgeMs: number): Promise<void> | undefined {
    const entry = this.#entry(namespace);
    if (this.#stopped || this.#ageMs(entry) <= mostAgeMs) return undefined;
    return this.#next(namespace, entry);
  }

  /** Items are stored in the namespace: renews its sample if that is old enough. */
  touch(namespace: string): void {
    if (this.#ageMs(this.#entry(namespace)) >= LEAST_AGE_MS) this.#want(namespace);
  }

  /** How old the last sample is, in milliseconds. Undefined: there is none. */
  ageMs(namespace: string): number | undefined {
    const ageMs = this.#ageMs(this.#entry(namespace));
    return Number.isFinite(ageMs) ? ageMs : undefined;
  }

  /** Forgets the namespaces that no limit concerns any more. */
  keepOnly(isLimited: (namespace: string) => boolean): void {
    for (const [namespace, { waiting }] of this.#stocks) {
      if (waiting.length > 0 || isLimited(namespace)) continue;
      this.#stocks.delete(namespace);
      this.#wanted.delete(namespace);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelPause?.();
    for (const { waiting } of this.#stocks.values()) for (const end of waiting) end();
  }

  #entry(namespace: string): Sampled {
    let entry = this.#stocks.get(namespace);
    if (entry === undefined) {
      entry = { stock: new Stock(), waiting: [] };
      this.#stocks.set(namespace, entry);
    }
    return entry;
  }

  #ageMs({ stock: { sample } }: Sampled): number {
    return sample === undefined ? Number.POSITIVE_INFINITY : this.#deps.monotonicMs() - sample.atMs;
  }

  async #next(namespace: string, entry: Sampled): Promise<void> {
    const ended = new Promise<void>((resolve) => entry.waiting.push(resolve));
    this.#want(namespace);
    await within(this.#deps.clock, FIRST_WAIT_MS, ended);
  }

  #want(namespace: string): void {
    if (this.#stopped) return;
    this.#wanted.add(namespace);
    if (!this.#running && this.#cancelPause === undefined) void this.#run();
  }

  async #run(): Promise<void> {
    const [namespace] = this.#wanted;
    if (namespace === undefined || this.#stopped) return;
    this.#running = true;
    this.#wanted.delete(namespace);
    const startedMs = this.#deps.monotonicMs();
    const isDone = await this.#sample(namespace);
    this.#running = false;
    if (this.#stopped) return;
    const tookMs = this.#deps.monotonicMs() - startedMs;
    this.#cancelPause = this.#deps.clock.startTimer(isDone ? this.#pauseMs(tookMs) : FAILURE_PAUSE_MS, () => {
      this.#cancelPause = undefined;
      void this.#run();
    });
  }

  /** Shorter if many namespaces wait, so that no sample becomes too old. */
  #pauseMs(tookMs: number): number {
    const turnMs = MOST_AGE_MS / (this.#wanted.size + 1);
    return Math.max(Math.min(backgroundPauseMs(tookMs), turnMs - tookMs), 0);
  }

  /** @returns whether it succeeded. Never rejects. */
  async #sample(namespace: string): Promise<boolean> {
    const { monotonicMs, measure, logger } = this.#deps;
    const entry = this.#entry(namespace);
    const take = entry.stock.sampleBegins();
    const atMs = monotonicMs();
    try {
      const { items, bytes } = await measure(namespace);
      take({ items, bytes, atMs });
      if (this.#failing) logger.info('what namespaces hold can be measured again');
      this.#failing = false;
      return true;
    } catch (error) {
      if (!this.#failing && !this.#stopped) {
        logger.warn('what a namespace holds cannot be measured; its last sample counts', { err: error });
      }
      this.#failing = true;
      return false;
    } finally {
      for (const end of entry.waiting.splice(0)) end();
    }
  }
}
