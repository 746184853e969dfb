import { type Duration, milliseconds } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';

/** The length of the intervals by which rates are kept. */
export const RATE_INTERVAL: Duration = milliseconds(60_000);
/** How long the counts of an interval are kept, from its begin. */
export const RATES_KEPT: Duration = milliseconds(25 * 3_600_000);
/** The longest time for which one call reads rates. */
export const RATES_SPAN_MAX: Duration = milliseconds(24 * 3_600_000);
/** The most queues of one call. */
export const RATES_QUEUES_MAX = 1_000;

/** What is counted. The names are those of the API. */
export const RATE_EVENTS = ['produced', 'leased', 'completed', 'retried', 'dead'] as const;

/** How many items something happened to. */
export type RateCounts = Readonly<Record<(typeof RATE_EVENTS)[number], number>>;

/** What a queue held at one time. */
export interface QueueDepthSample {
  readonly waiting: number;
  readonly leased: number;
  readonly scheduled: number;
  /** The age of the oldest waiting item, in milliseconds; 0 if none waited. */
  readonly headAgeMs: number;
}

/** What happened to the items of a queue since the last call of `add`. */
export interface QueueCounts extends RateCounts {
  readonly queue: string;
  /** What the queue holds. Undefined: the process does not know it. */
  readonly depth?: QueueDepthSample | undefined;
}

/** What happened to the items of a queue in one minute, at all processes. */
export interface MinuteCounts extends QueueCounts {
  /** When the minute began. A multiple of {@link RATE_INTERVAL}. */
  readonly minute: Instant;
  /** What the queue held: the last sample that a process added in the minute. Undefined: there is none. */
  readonly depth?: QueueDepthSample | undefined;
}

/** Names the counts to read. */
export interface RatesRequest {
  /** At most {@link RATES_QUEUES_MAX} names, none twice. */
  readonly queues: readonly string[];
  /** How far back, from now on. At most {@link RATES_SPAN_MAX}. */
  readonly span: Duration;
}

/** The counts of some minutes. */
export interface Rates {
  /** By the storage's clock. The minute that contains it is not complete. */
  readonly now: Instant;
  /**
   * In the order of queues, as their names are compared, then of minutes. Contains the
   * minutes that contain a part of the span and in which something happened.
   */
  readonly counts: readonly MinuteCounts[];
}

/**
 * Counts what happens to the items of queues, per minute, at all processes. It lives
 * beside the queues' settings. For people who look at a queue: a count that is added
 * while a process or a storage fails may be missing.
 *
 * Contract of every driver, for all methods: calls may run concurrently, also from
 * several processes on the same storage. The first call initialises the store; if that
 * fails, the next call tries again. Each call settles within the backend's time limits. A
 * storage failure is a `StorageError`. All times are by the storage's clock. Counts need
 * not survive a crash of the storage.
 */
export interface RateStore {
  /**
   * Adds counts to the minute that is now, all or none, and removes minutes that are older than
   * {@link RATES_KEPT}. A `depth` replaces that of the minute. Not to be repeated after an unknown outcome: they would count twice.
   *
   * @param counts at most {@link RATES_QUEUES_MAX}, none of one queue twice.
   */
  add(counts: readonly QueueCounts[]): Promise<void>;

  /** Reads counts. Queues without any, or that do not exist, have none. */
  read(request: RatesRequest): Promise<Rates>;
}
