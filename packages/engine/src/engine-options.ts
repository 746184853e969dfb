import { type Clock, guardedLogger, LIMITS, type Logger, type Random, silentLogger } from '@querator/core';
import { type EngineObserver, guardedObserver, NO_OBSERVER } from './observer.ts';

/** Figures an embedder may change. */
export interface EngineLimits {
  /** Items in one produce request. */
  readonly produceBatch: number;
  /** Items one lease request may ask for. */
  readonly leaseBatch: number;
  /** Ids in one complete, items in one retry request. */
  readonly completeBatch: number;
  /**
   * Items that may wait for a busy storage, for each queue and kind of request;
   * a request that comes when so many wait is refused as overload. Completes
   * and retries wait for one partition, and are counted for each.
   */
  readonly itemsBuffered: number;
  /** The same in bytes of produced items, payloads and texts; a text counts three for each UTF-16 unit. */
  readonly bytesBuffered: number;
  /** The same in requests, whatever is in them; an extra bound, off by default. */
  readonly requestsBuffered: number;
  /** Items, over all requests, that go to storage in one statement. */
  readonly statementItems: number;
  /** Payload bytes, over all requests, that go to storage in one statement. */
  readonly statementBytes: number;
  /**
   * Statements of one kind that may be under way on one partition: while the
   * database works on one, this process reads and writes the next.
   */
  readonly statementsInFlight: number;
  /** Items one sweep of a partition works on at a time. */
  readonly sweepItems: number;
  /** How often a partition is looked at while consumers wait, in case another process put something in. */
  readonly pollMs: number;
  /** The longest a partition goes without a sweep, in case another process left something behind. */
  readonly sweepIdleMs: number;
  /**
   * A statement that takes longer than this plus `slowItemMs` for each item
   * that it writes, as far as is known, is slow: no other joins it, and it no
   * longer holds back consumers other partitions could serve.
   */
  readonly slowMs: number;
  /** What a statement may take for each item that it writes; a fraction of a millisecond. */
  readonly slowItemMs: number;
  /** For so long a partition that was found empty is not looked into again, unless something is known to have come in. */
  readonly emptyMs: number;
  /**
   * How long a dead letter is held back at most while its sender does not come
   * to an end; half the dead-letter queue's expire timeout where that is less.
   */
  readonly letterAutoCommitMs: number;
  /** How long a queue's first call waits for its partitions to be probed. */
  readonly loadMs: number;
  /** How long a change of a queue's settings waits for earlier ones of the same queue. */
  readonly changeWaitMs: number;
  /** How long who asks what a queue holds waits for a new count while there is an earlier one. */
  readonly countFreshMs: number;
  /** How long they wait where there is none, or where it is too old. */
  readonly countWaitMs: number;
  /**
   * A partition with fewer items is small: its count is waited for longer than
   * `countFreshMs`, so that its stats stay exact on a busy machine. Counting
   * 100,000 items takes some 30 ms (PostgreSQL 15, two cores).
   */
  readonly countFewItems: number;
  /** How old a count may be, unless counts take longer themselves. */
  readonly countMaxAgeMs: number;
}

/**
 * The documented limits, and measured or reasoned values for the rest. What may
 * wait is what two statements hold: with less, storage would run out of work
 * while producers send again. A waiting request of one small item takes about
 * 2 kB, so that a queue holds 40 MB of small items, or 32 MB of payloads, of a
 * heap of 512 MB.
 */
export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  produceBatch: LIMITS.produceBatch,
  leaseBatch: LIMITS.leaseBatch,
  completeBatch: LIMITS.completeBatch,
  itemsBuffered: 20_000,
  bytesBuffered: 32_000_000,
  requestsBuffered: Number.POSITIVE_INFINITY,
  statementItems: 10_000,
  statementBytes: 16_000_000,
  statementsInFlight: 3,
  sweepItems: 1_000,
  pollMs: 1_000,
  sweepIdleMs: 60_000,
  slowMs: 25,
  slowItemMs: 0.02,
  emptyMs: 25,
  letterAutoCommitMs: 86_400_000,
  loadMs: 250,
  changeWaitMs: 10_000,
  countFreshMs: 100,
  countWaitMs: 30_000,
  countFewItems: 100_000,
  countMaxAgeMs: 60_000,
};

/** What the engine works with; everything it touches of the outside world. */
export interface EngineDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: EngineLimits;
  readonly observer: EngineObserver;
}

/** Fills in what an embedder leaves out, and guards against what its callbacks throw. */
export function engineDeps(given: {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger | undefined;
  readonly limits?: Partial<EngineLimits> | undefined;
  readonly observer?: EngineObserver | undefined;
}): EngineDeps {
  const logger = guardedLogger(given.logger ?? silentLogger);
  return {
    clock: given.clock,
    random: given.random,
    logger,
    limits: { ...DEFAULT_ENGINE_LIMITS, ...given.limits },
    observer: given.observer === undefined ? NO_OBSERVER : guardedObserver(given.observer, logger),
  };
}
