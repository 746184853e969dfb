import {
  type CancelTimer,
  type Clock,
  type Instant,
  MESSAGES,
  millisecondsBetween,
  type PartitionStats,
  QueueError,
} from '@querator/core';
import type { EngineLimits } from '../engine-options.ts';
import type { Lane } from './lane.ts';

/** What a partition held when its storage was asked. */
export interface PartitionCount extends PartitionStats {
  /** When the count began: the storage counts what is there then, or a little later. */
  readonly countedAt: Instant;
}

/** What a counter works with. */
export interface PartitionCounterDeps {
  readonly clock: Clock;
  readonly limits: Pick<EngineLimits, 'countFreshMs' | 'countWaitMs' | 'countMaxAgeMs'>;
  readonly lane: Lane;
}

/** A last count may be so many times as old as a count takes: while one runs, the one before grows old. */
const AGE_FACTOR = 2;

/**
 * Counts one partition. Counting may read a whole table, so at most one count
 * is under way, and all who ask share it. Its result is kept, and tells the
 * loops how much waits.
 */
export class PartitionCounter {
  readonly #deps: PartitionCounterDeps;
  #running: Promise<PartitionCount> | undefined;
  /** The count that begins when the one under way has ended. */
  #next: PromiseWithResolvers<PartitionCount> | undefined;
  #last: PartitionCount | undefined;
  /** How long the last count took. */
  #tookMs = 0;
  #stopped = false;

  constructor(deps: PartitionCounterDeps) {
    this.#deps = deps;
  }

  /**
   * Counts anew: now, or when the count under way has ended, which knows
   * nothing of what was done since it began.
   *
   * @throws StorageError; QueueError `failed` after `stop`.
   */
  count(): Promise<PartitionCount> {
    if (this.#running === undefined) return this.#begin();
    this.#next ??= Promise.withResolvers();
    return this.#next.promise;
  }

  /** Looks again in the background how much waits, unless a count is under way. */
  sample(): void {
    if (this.#running === undefined) this.#begin().catch(() => {});
  }

  /**
   * Counts anew, and waits for it up to `countWaitMs`. Never rejects.
   *
   * @returns why it failed; nothing where it succeeded, or goes on.
   */
  async anew(): Promise<unknown> {
    try {
      await this.#within(this.count(), this.#deps.limits.countWaitMs);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** The last count is of no more use: much was removed. */
  forget(): void {
    this.#last = undefined;
  }

  /**
   * A count that begins now, where it comes within `countFreshMs`. Where it
   * does not, the last one, unless that is too old; then the caller waits for
   * the count up to `countWaitMs`.
   *
   * @throws StorageError; QueueError `failed` after `stop`, `retry` when the
   *   count does not end in time.
   */
  async recent(): Promise<PartitionCount> {
    const { countFreshMs, countWaitMs } = this.#deps.limits;
    const counting = this.count();
    const fresh = await this.#within(counting, countFreshMs);
    if (fresh !== undefined) return fresh;
    const last = this.#usable();
    if (last !== undefined) return last;
    const late = await this.#within(counting, countWaitMs - countFreshMs);
    if (late === undefined) throw new QueueError('retry', MESSAGES.storageFailed);
    return late;
  }

  /** Waits for a count under way; later ones fail. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.catch(() => {});
  }

  #usable(): PartitionCount | undefined {
    const { clock, limits } = this.#deps;
    const last = this.#last;
    if (last === undefined) return undefined;
    const maxAgeMs = Math.max(limits.countMaxAgeMs, AGE_FACTOR * this.#tookMs);
    return millisecondsBetween(last.countedAt, clock.now()) <= maxAgeMs ? last : undefined;
  }

  /** What was counted, or nothing when the time is up before. */
  #within(counting: Promise<PartitionCount>, ms: number): Promise<PartitionCount | undefined> {
    return new Promise((resolve, reject) => {
      const cancel: CancelTimer = this.#deps.clock.startTimer(ms, () => resolve(undefined));
      counting.then(resolve, reject).finally(cancel);
    });
  }

  #begin(): Promise<PartitionCount> {
    if (this.#stopped) return Promise.reject(new QueueError('failed', MESSAGES.queueShutdown));
    this.#running = this.#count().finally(() => {
      this.#running = undefined;
      const next = this.#next;
      this.#next = undefined;
      if (next !== undefined) this.#begin().then(next.resolve, next.reject);
    });
    return this.#running;
  }

  async #count(): Promise<PartitionCount> {
    const { clock, lane } = this.#deps;
    return lane.turns.count(async () => {
      const countedAt = clock.now();
      const before = lane.countStarted();
      const counted = await lane.store.stats();
      this.#tookMs = millisecondsBetween(countedAt, clock.now());
      lane.counted(counted.waiting, before);
      this.#last = { ...counted, countedAt };
      return this.#last;
    });
  }
}
