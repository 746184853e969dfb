import {
  type Clock,
  type Instant,
  millisecondsBetween,
  type PartitionStats,
  queueShutdown,
  SharedRun,
  StorageError,
  storageTooSlow,
  within,
} from '@querator/core';
import type { EngineLimits } from '../engine-deps.ts';
import type { PartitionState } from './partition-state.ts';

/** What a partition held at an instant. */
export interface PartitionCount extends PartitionStats {
  /** When the count began. Storage counts what is there then, or a little later. */
  readonly countedAt: Instant;
}

export interface PartitionCounterDeps {
  readonly clock: Clock;
  readonly limits: Pick<EngineLimits, 'countFewItems' | 'countFreshMs' | 'countWaitMs' | 'countMaxAgeMs'>;
  readonly partition: PartitionState;
}

/** A count may reach this many times the age that a count takes. It ages while the next one runs. */
const AGE_FACTOR = 2;
/** Slow counts take at most a tenth of the time, unless the last count would grow too old. */
const SHARE = 10;
/** The interval, in milliseconds, of further attempts to find out whether counts have become quick. */
const TRY_MS = 2_000;
/** How long a caller waits for a count of few items, in milliseconds, when an earlier count exists. */
const FEW_ITEMS_MS = 3_000;
/** After this many slow counts in a row, few items count as many. Dead rows or a slow disk are the cause. */
const SLOW_IN_A_ROW = 3;

/**
 * Counts one partition. A count may read a whole table. So at most one count
 * runs, all callers share it, and a slow one is not repeated for each caller.
 * The result is kept, and the loops read from it how many items wait.
 */
export class PartitionCounter {
  readonly #deps: PartitionCounterDeps;
  /** The argument: after how many milliseconds storage may give up. Undefined: at its own time limit. */
  readonly #counts: SharedRun<PartitionCount, [limitMs?: number]>;
  #last: PartitionCount | undefined;
  /** How long the last count took, its wait for the concurrency limit included. */
  #tookMs = 0;
  /** Counts in a row that took longer than `countFreshMs`. */
  #slowInARow = 0;
  /** When the last count began, the running one included. */
  #beganAt: Instant | undefined;
  readonly #ending = new AbortController();

  constructor(deps: PartitionCounterDeps) {
    this.#deps = deps;
    this.#counts = new SharedRun((limitMs?: number) => this.#count(limitMs), {
      // While storage is down the next count would fail too, after the same time.
      repeatsAfterFailure: (error) => !(error instanceof StorageError) || error.gaveUp,
    });
  }

  /**
   * Counts now, or after the running count, which misses changes since it began.
   *
   * @throws StorageError; QueueError `failed` after `stop`.
   */
  count(): Promise<PartitionCount> {
    return this.#counts.start();
  }

  /** Counts in the background, unless a count runs. */
  sample(): void {
    this.#counts.join().catch(() => {});
  }

  /** The last count, however old. Counts in the background if that is due, at most every two seconds. */
  sampled(): PartitionCount | undefined {
    const last = this.#last;
    const isRecent = this.#beganAt !== undefined && this.#sinceMs(this.#beganAt) < TRY_MS;
    if (this.#counts.isIdle && !isRecent && (last === undefined || this.#isDue(last))) this.sample();
    return last;
  }

  /** Resolves when no count runs. */
  idle(): Promise<void> {
    return this.#counts.idle();
  }

  /** The last count where a new one would cost too much, else a new one, however long it takes. @throws as `count`. */
  async unhurried(): Promise<PartitionCount> {
    const last = this.#usable();
    return last === undefined || this.#isDue(last) ? this.count() : last;
  }

  /**
   * Counts anew, and waits for it up to `countWaitMs`. Never rejects.
   *
   * @returns why it failed; undefined when it succeeded or still runs.
   */
  async anew(): Promise<unknown> {
    try {
      await within(this.#deps.clock, this.#deps.limits.countWaitMs, this.count());
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Discards the last count, because many items were removed. */
  forget(): void {
    this.#last = undefined;
  }

  /**
   * A new count if it ends within `countFreshMs`, or within three seconds when
   * the last one found few items. Otherwise the last count, unless it is too
   * old. Then the caller waits up to `countWaitMs`.
   *
   * @throws StorageError; QueueError `failed` after `stop`, `retry` when the
   *   count does not end in time.
   */
  async recent(): Promise<PartitionCount> {
    const { countWaitMs } = this.#deps.limits;
    const freshMs = this.#freshMs;
    const before = this.#usable();
    const earlier = this.#counts.running;
    const counting = before === undefined ? this.count() : this.#countInTime(before);
    if (counting === undefined) return before as PartitionCount;
    const fresh = await within(this.#deps.clock, freshMs, counting);
    const last = fresh ?? this.#usable();
    if (last !== undefined) return last;
    // A count that began before the call is better than none.
    const first = earlier?.catch(() => counting) ?? counting;
    const late = await within(this.#deps.clock, countWaitMs - freshMs, first);
    if (late === undefined) throw storageTooSlow('the items of the partition could not be counted in time');
    return late;
  }

  /** Ends a running count; later ones fail. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#counts.idle();
  }

  /** The last count, unless it is too old. */
  #usable(): PartitionCount | undefined {
    const last = this.#last;
    if (last === undefined) return undefined;
    const maxAgeMs = Math.max(this.#deps.limits.countMaxAgeMs, AGE_FACTOR * this.#tookMs);
    return this.#sinceMs(last.countedAt) <= maxAgeMs ? last : undefined;
  }

  /** How long a caller waits for a new count when an earlier one exists. */
  get #freshMs(): number {
    const { countFewItems, countFreshMs } = this.#deps.limits;
    const last = this.#last;
    if (last === undefined || this.#slowInARow >= SLOW_IN_A_ROW) return countFreshMs;
    const items = last.waiting + last.leased + last.scheduled;
    return items < countFewItems ? Math.max(FEW_ITEMS_MS, countFreshMs) : countFreshMs;
  }

  /** A count that may end in time. Begins one only if it is cheap or due. Undefined if no count can end in time. */
  #countInTime(last: PartitionCount): Promise<PartitionCount> | undefined {
    const { countFreshMs } = this.#deps.limits;
    const sinceMs = this.#beganAt === undefined ? TRY_MS : this.#sinceMs(this.#beganAt);
    if (!this.#counts.isIdle) {
      const isQuick = this.#tookMs <= this.#freshMs && sinceMs <= this.#freshMs;
      return isQuick ? this.count() : this.#counts.join().catch(() => last);
    }
    if (this.#isDue(last)) return this.count();
    return sinceMs >= TRY_MS ? this.#counts.start(countFreshMs).catch(() => last) : undefined;
  }

  /** Whether a count is due. Always while counts are quick, else before the last one grows too old. */
  #isDue({ countedAt }: PartitionCount): boolean {
    const { countMaxAgeMs } = this.#deps.limits;
    if (this.#tookMs <= this.#freshMs) return true;
    const latestMs = Math.max(countMaxAgeMs - AGE_FACTOR * this.#tookMs, this.#tookMs);
    return this.#sinceMs(countedAt) >= Math.min(SHARE * this.#tookMs, latestMs);
  }

  async #count(limitMs?: number): Promise<PartitionCount> {
    const { partition } = this.#deps;
    const { signal } = this.#ending;
    if (signal.aborted) throw queueShutdown();
    const since = this.#deps.clock.now();
    this.#beganAt = since;
    try {
      const counted = await partition.limited.count(async () => {
        const countedAt = this.#deps.clock.now();
        const before = partition.countStarted();
        const stats = await partition.store.stats({ limitMs, signal });
        partition.counted(stats.waiting, before);
        return { ...stats, countedAt };
      });
      this.#tookMs = this.#sinceMs(since);
      this.#slowInARow = this.#tookMs > this.#deps.limits.countFreshMs ? this.#slowInARow + 1 : 0;
      this.#last = counted;
      return counted;
    } catch (error) {
      throw signal.aborted ? queueShutdown() : error;
    }
  }

  #sinceMs(instant: Instant): number {
    return millisecondsBetween(instant, this.#deps.clock.now());
  }
}
