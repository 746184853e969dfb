import {
  backgroundPauseMs,
  type Clock,
  type ErrorReason,
  errorText,
  type Instant,
  millisecondsBetween,
  QueueError,
  SharedRun,
} from '@querator/core';
import type { EngineLimits } from '../engine-deps.ts';
import type { PartitionState } from './partition-state.ts';

/** How many dedup keys a partition held. */
export interface SampledKeys {
  readonly keys: number;
  readonly countedAt: Instant;
}

export interface KeyLimitDeps {
  readonly clock: Clock;
  readonly limits: Pick<EngineLimits, 'dedupKeys' | 'countMaxAgeMs'>;
  readonly partition: PartitionState;
  /** The number of the queue's partitions that take keys, and share its limit. */
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
  /** When the last count that succeeded began. */
  #knownSince: Instant | undefined;
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

  /** The keys as far as is known. Starts a count if one is due. Undefined: there was no count yet. */
  sampled(): SampledKeys | undefined {
    if (this.#isDue()) void this.#counts.join();
    const countedAt = this.#knownSince;
    return countedAt && { keys: Math.max(this.#held, 0), countedAt };
  }

  /** Resolves when no count runs. */
  idle(): Promise<void> {
    return this.#counts.idle();
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
      if (held !== undefined) {
        this.#held = held + this.#stored - before;
        this.#knownSince = start;
      }
    } catch {
      // The last count stays. Whatever failed, the keyed statements find out too.
    }
    this.#countedAt = clock.now();
    this.#tookMs = millisecondsBetween(start, this.#countedAt);
  }
}

/** A queue may hold no more keys. @param most how many it may hold. */
export function tooManyKeys(most: number): QueueError {
  const text = errorText`queue holds too many dedup keys; ${most} is the most, try again later`;
  return new QueueError('retry', text, { reason: 'over_limit' satisfies ErrorReason });
}
