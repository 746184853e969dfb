import { addDuration, type Clock, type Instant, milliseconds, millisecondsBetween } from '@querator/core';

/** How long consumers took for items, as far as this process saw it. */
export interface HandlingSummary {
  /** Items that were leased and completed while this process watched, in the last ten minutes. */
  readonly count: number;
  /** In milliseconds, at most a twentieth too large. 0: no item was completed. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Exact. */
  readonly maxMs: number;
  /** For how long this process has watched, in milliseconds; at most ten minutes count. */
  readonly watchedMs: number;
}

/** Watching ends this long after the last time that somebody looked. */
const AWAKE_MS = 60_000;
const MINUTE_MS = 60_000;
/** How far back times are told. */
const SPAN_MS = 10 * MINUTE_MS;
/** The minutes that are kept: the present one, and as many as the span before it. */
const MINUTES = 11;
/** Leased items that are noted. */
const MOST_HELD = 10_000;
/** Each bucket reaches this much farther than the one before. */
const GROWTH = 1.05;
/** The last bucket begins at two weeks. */
const BUCKETS = 432;

/** The times of one minute, by their lengths. */
interface Minute {
  /** Minutes since the epoch. */
  readonly number: number;
  readonly counts: Uint32Array;
  maxMs: number;
}

/**
 * Measures how long consumers hold the items of a queue until they complete them. It only
 * measures while somebody looks, and takes memory of a fixed size then. Otherwise a lease
 * and a complete cost one comparison.
 */
export class HandlingTimes {
  readonly #clock: Clock;
  /** Until when somebody looks. Undefined: nobody does. */
  #until: Instant | undefined;
  #since: Instant | undefined;
  /** When this process got the answer to the lease of an item, by its id. */
  readonly #leasedAt = new Map<string, Instant>();
  #minutes: Minute[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether times are measured. */
  get isOn(): boolean {
    return this.#until !== undefined;
  }

  /** Notes that somebody looks. @returns undefined if nobody has looked for a while. */
  look(): HandlingSummary | undefined {
    const now = this.#clock.now();
    this.#endIfUnwatched(now);
    const since = this.#since;
    this.#until = addDuration(now, milliseconds(AWAKE_MS));
    this.#since ??= now;
    return since === undefined ? undefined : this.#summary(now, since);
  }

  /** Items were leased. Call it only if {@link isOn}. */
  leased(items: readonly { readonly id: string }[]): void {
    const now = this.#clock.now();
    if (this.#endIfUnwatched(now)) return;
    for (const { id } of items) {
      this.#leasedAt.set(id, now);
      if (this.#leasedAt.size <= MOST_HELD) continue;
      // Leases that ran out are never completed, so the oldest one goes.
      const [oldest] = this.#leasedAt.keys();
      if (oldest !== undefined) this.#leasedAt.delete(oldest);
    }
  }

  /** Items were completed. Call it only if {@link isOn}. */
  completed(ids: readonly string[]): void {
    const now = this.#clock.now();
    if (this.#endIfUnwatched(now)) return;
    for (const id of ids) {
      const leasedAt = this.#leasedAt.get(id);
      if (leasedAt === undefined) continue;
      this.#leasedAt.delete(id);
      this.#add(millisecondsBetween(leasedAt, now), now);
    }
  }

  #summary(now: Instant, since: Instant): HandlingSummary {
    const first = minuteOf(now) - MINUTES + 1;
    const minutes = this.#minutes.filter(({ number }) => number >= first);
    const counts = new Uint32Array(BUCKETS);
    for (const minute of minutes) {
      for (const [n, each] of minute.counts.entries()) counts[n] = (counts[n] ?? 0) + each;
    }
    const count = counts.reduce((sum, each) => sum + each, 0);
    const maxMs = minutes.reduce((most, minute) => Math.max(most, minute.maxMs), 0);
    const at = (part: number) => Math.min(percentile(counts, count * part), maxMs);
    const watchedMs = Math.min(millisecondsBetween(since, now), SPAN_MS);
    return { count, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs, watchedMs };
  }

  #add(ms: number, now: Instant): void {
    const number = minuteOf(now);
    let minute = this.#minutes.at(-1);
    if (minute?.number !== number) {
      minute = { number, counts: new Uint32Array(BUCKETS), maxMs: 0 };
      this.#minutes = [...this.#minutes.slice(1 - MINUTES), minute];
    }
    const bucket = bucketOf(ms);
    minute.counts[bucket] = (minute.counts[bucket] ?? 0) + 1;
    minute.maxMs = Math.max(minute.maxMs, ms);
  }

  /** @returns whether nobody looks any more. Then everything is forgotten. */
  #endIfUnwatched(now: Instant): boolean {
    if (this.#until === undefined || now <= this.#until) return this.#until === undefined;
    this.#until = undefined;
    this.#since = undefined;
    this.#leasedAt.clear();
    this.#minutes = [];
    return true;
  }
}

function minuteOf(instant: Instant): number {
  return Number(instant / BigInt(MINUTE_MS * 1_000));
}

/** The first bucket holds what is below a millisecond. */
function bucketOf(ms: number): number {
  return ms < 1 ? 0 : Math.min(1 + Math.floor(Math.log(ms) / Math.log(GROWTH)), BUCKETS - 1);
}

/** The end of the bucket that the item of this rank is in, in milliseconds. */
function percentile(counts: Uint32Array, rank: number): number {
  let seen = 0;
  for (const [n, count] of counts.entries()) {
    seen += count;
    if (count > 0 && seen >= rank) return GROWTH ** n;
  }
  return 0;
}
