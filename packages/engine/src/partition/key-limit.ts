import { backgroundPauseMs, type Clock, type Instant, millisecondsBetween, SharedRun } from '@querator/core';
import type { EngineLimits } from '../engine-deps.ts';
import type { PartitionState } from './partition-state.ts';

export interface KeyLimitDeps {
  readonly clock: Clock;
  readonly limits: Pick<EngineLimits, 'dedupKeys' | 'countMaxAgeMs'>;
  readonly partition: PartitionState;
  /** The number of the queue's partitions, which share its limit. */
  readonly partitions: () => number;
}

/**
 * Whether a partition may store further dedup keys. Nothing waits for a count: it is
 * taken in the background, at most every `countMaxAgeMs` and in at most a twentieth of
 * the time, and what this process stores and removes is added. So several processes may
 * exceed the limit by what they store between two counts.
 */
export class KeyLimit {
  readonly #deps: KeyLimitDeps;
  readonly #counts: SharedRun<void>;
  /** Keys in storage as far as is known. */
  #held = 0;
  /** Keys that this process stored and removed, to find out what happened during a count. */
  #stored = 0;
  #countedAt: Instant | undefined;
  #tookMs = 0;
  readonly #ending = new AbortController();

  constructor(deps: KeyLimitDeps) {
    this.#deps = deps;
    this.#counts = new SharedRun(() => this.#count());
  }

  /** What a keyed statement does with new keys. Starts a count if one is due. */
  newKeys(): 'store' | 'refuse' {
    if (this.#isDue()) void this.#counts.join();
    return this.#held >= Math.ceil(this.#deps.limits.dedupKeys / this.#deps.partitions())
      ? 'refuse'
      : 'store';
  }

  /** Keys were stored, or with a negative number removed. */
  changed(keys: number): void {
    this.#held += keys;
    this.#stored += keys;
  }

  /** Ends a running count. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#counts.idle();
  }

  #isDue(): boolean {
    if (!this.#counts.isIdle || this.#ending.signal.aborted) return false;
    if (this.#countedAt === undefined) return true;
    const pauseMs = Math.max(this.#deps.limits.countMaxAgeMs, backgroundPauseMs(this.#tookMs));
    return millisecondsBetween(this.#countedAt, this.#deps.clock.now()) >= pauseMs;
  }

  async #count(): Promise<void> {
    const { clock, partition } = this.#deps;
    const { signal } = this.#ending;
    const before = this.#stored;
    const start = clock.now();
    try {
      const held = await partition.limited.count(async () => partition.store.countKeys?.({ signal }));
      // A key that was stored during the count may be counted twice, until the next one.
      if (held !== undefined) this.#held = held + this.#stored - before;
    } catch {
      // The last count stays. Whatever failed, the keyed statements find out too.
    }
    this.#countedAt = clock.now();
    this.#tookMs = millisecondsBetween(start, this.#countedAt);
  }
}
