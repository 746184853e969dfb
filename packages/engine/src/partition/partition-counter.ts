import {
  type CancelTimer,
  type Clock,
  type Instant,
  MESSAGES,
  millisecondsBetween,
  type PartitionStats,
  QueueError,
  StorageError,
} from '@querator/core';
import type { EngineLimits } from '../engine-options.ts';
import type { Lane } from './partition-state.ts';

/** What a partition held when its storage was asked. */
export interface PartitionCount extends PartitionStats {
  /** When the count began: the storage counts what is there then, or a little later. */
  readonly countedAt: Instant;
}

/** What a counter works with. */
export interface PartitionCounterDeps {
  readonly clock: Clock;
  readonly limits: Pick<EngineLimits, 'countFewItems' | 'countFreshMs' | 'countWaitMs' | 'countMaxAgeMs'>;
  readonly lane: Lane;
}

/** A last count may be so many times as old as a count takes: while one runs, the one before grows old. */
const AGE_FACTOR = 2;
/** Counts that take long take at most one part in so many of the time, unless they would grow too old. */
const SHARE = 10;
/** How often it is tried, beyond that, whether a count has become quick. */
const TRY_MS = 2_000;
/** How long a caller waits for a count of few items where there is an earlier one. */
const FEW_ITEMS_MS = 3_000;
/** After so many slow counts in a row, few items are treated as many: dead rows or a slow disk are in the way. */
const SLOW_IN_A_ROW = 3;

/** A count under way. */
interface Running {
  readonly promise: Promise<PartitionCount>;
  readonly since: Instant;
}

/**
 * Counts one partition. Counting may read a whole table, so at most one count
 * is under way, all who ask share it, and one that takes long is not repeated
 * for each who asks. Its result is kept, and tells the loops how much waits.
 */
export class PartitionCounter {
  readonly #deps: PartitionCounterDeps;
  #running: Running | undefined;
  /** The count that begins when the one under way has ended. */
  #next: PromiseWithResolvers<PartitionCount> | undefined;
  #last: PartitionCount | undefined;
  /** How long the last count took, the wait for its turn included. */
  #tookMs = 0;
  /** So many counts in a row took longer than `countFreshMs`. */
  #slowInARow = 0;
  #beganAt: Instant | undefined;
  readonly #ending = new AbortController();

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

  /** The last count where counting anew would take too much, else a new one, however long it takes. @throws as `count`. */
  async unhurried(): Promise<PartitionCount> {
    const last = this.#usable();
    return last === undefined || this.#isDue(last) ? this.count() : last;
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
   * A count that begins now, where it comes within `countFreshMs`, or within
   * three seconds where the last one found few items. Where it does not, the
   * last one, unless that is too old; then the caller waits for one up to
   * `countWaitMs`.
   *
   * @throws StorageError; QueueError `failed` after `stop`, `retry` when the
   *   count does not end in time.
   */
  async recent(): Promise<PartitionCount> {
    const { countWaitMs } = this.#deps.limits;
    const freshMs = this.#freshMs;
    const before = this.#usable();
    const earlier = this.#running?.promise;
    const counting = before === undefined ? this.count() : this.#hoped(before);
    if (counting === undefined) return before as PartitionCount;
    const fresh = await this.#within(counting, freshMs);
    const last = fresh ?? this.#usable();
    if (last !== undefined) return last;
    // What a count says that began before the call is better than nothing.
    const first = earlier?.catch(() => counting) ?? counting;
    const late = await this.#within(first, countWaitMs - freshMs);
    if (late === undefined) throw new QueueError('retry', MESSAGES.storageFailed);
    return late;
  }

  /** Ends a count under way; later ones fail. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running?.promise.catch(() => {});
  }

  /** The last count, unless it is too old. */
  #usable(): PartitionCount | undefined {
    const last = this.#last;
    if (last === undefined) return undefined;
    const maxAgeMs = Math.max(this.#deps.limits.countMaxAgeMs, AGE_FACTOR * this.#tookMs);
    return this.#sinceMs(last.countedAt) <= maxAgeMs ? last : undefined;
  }

  /** How long a caller waits for a new count where there is an earlier one. */
  get #freshMs(): number {
    const { countFewItems, countFreshMs } = this.#deps.limits;
    const last = this.#last;
    if (last === undefined || this.#slowInARow >= SLOW_IN_A_ROW) return countFreshMs;
    const items = last.waiting + last.leased + last.scheduled;
    return items < countFewItems ? Math.max(FEW_ITEMS_MS, countFreshMs) : countFreshMs;
  }

  /** A count that may come in time, begun only where that costs little, or is due; nothing where none is to be hoped for. */
  #hoped(last: PartitionCount): Promise<PartitionCount> | undefined {
    const { countFreshMs } = this.#deps.limits;
    const running = this.#running;
    if (running !== undefined) {
      const isQuick = this.#tookMs <= this.#freshMs && this.#sinceMs(running.since) <= this.#freshMs;
      return isQuick ? this.count() : running.promise.catch(() => last);
    }
    if (this.#isDue(last)) return this.count();
    const sinceMs = this.#beganAt === undefined ? TRY_MS : this.#sinceMs(this.#beganAt);
    return sinceMs >= TRY_MS ? this.#begin(countFreshMs).catch(() => last) : undefined;
  }

  /** Whether it is time for a count: at once where they are quick, else early enough for the last one not to grow too old. */
  #isDue({ countedAt }: PartitionCount): boolean {
    const { countMaxAgeMs } = this.#deps.limits;
    if (this.#tookMs <= this.#freshMs) return true;
    const latestMs = Math.max(countMaxAgeMs - AGE_FACTOR * this.#tookMs, this.#tookMs);
    return this.#sinceMs(countedAt) >= Math.min(SHARE * this.#tookMs, latestMs);
  }

  /** What was counted, or nothing when the time is up before. */
  #within(counting: Promise<PartitionCount>, ms: number): Promise<PartitionCount | undefined> {
    return new Promise((resolve, reject) => {
      const cancel: CancelTimer = this.#deps.clock.startTimer(ms, () => resolve(undefined));
      counting.then(resolve, reject).finally(cancel);
    });
  }

  /** @param limitMs the storage may give up then; absent: when it sees fit. */
  #begin(limitMs?: number): Promise<PartitionCount> {
    if (this.#ending.signal.aborted) return Promise.reject(queueShutdown());
    const since = this.#deps.clock.now();
    this.#beganAt = since;
    const promise = this.#count(since, limitMs).then(
      (counted) => {
        this.#goOn();
        return counted;
      },
      (error: unknown) => {
        this.#goOn(error);
        throw error;
      },
    );
    this.#running = { promise, since };
    return promise;
  }

  /** Begins what waits for the count that has ended. */
  #goOn(error?: unknown): void {
    this.#running = undefined;
    const next = this.#next;
    this.#next = undefined;
    // Where storage is down the next one would only take its time to fail likewise.
    if (error instanceof StorageError && !error.gaveUp) next?.reject(error);
    else if (next !== undefined) this.#begin().then(next.resolve, next.reject);
  }

  async #count(since: Instant, limitMs: number | undefined): Promise<PartitionCount> {
    const { lane } = this.#deps;
    const { signal } = this.#ending;
    try {
      const counted = await lane.turns.count(async () => {
        const countedAt = this.#deps.clock.now();
        const before = lane.countStarted();
        const stats = await lane.store.stats({ limitMs, signal });
        lane.counted(stats.waiting, before);
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

function queueShutdown(): QueueError {
  return new QueueError('failed', MESSAGES.queueShutdown);
}
