import type { Clock, Logger, Random } from '@querator/core';
import type { EngineObserver } from './observer.ts';
import type { EngineTracer } from './tracer.ts';

/** Limits that an embedder may change. `service/engine-options.ts` holds their defaults. */
export interface EngineLimits {
  /** Items in one produce request. */
  readonly produceBatch: number;
  /** Items that one lease request may ask for. */
  readonly leaseBatch: number;
  /** Ids in one complete, items in one retry request. */
  readonly completeBatch: number;
  /** Items in one import request. */
  readonly importBatch: number;
  /** Ids in one delete of items. */
  readonly deleteBatch: number;
  /**
   * Items that may wait for a busy storage, for each queue and kind of request.
   * Further requests are refused as overload. Completes and retries are limited
   * for each partition.
   */
  readonly itemsBuffered: number;
  /** The same in bytes of produced items, payloads and texts. A text counts 3 bytes for each UTF-16 unit. */
  readonly bytesBuffered: number;
  /** The same in requests; an additional limit, off by default. */
  readonly requestsBuffered: number;
  /** Dedup keys that a queue may hold. Partitions share it evenly. */
  readonly dedupKeys: number;
  /** Items, over all requests, in one statement. */
  readonly statementItems: number;
  /** Payload bytes, over all requests, in one statement. */
  readonly statementBytes: number;
  /**
   * Statements of one kind in flight on one partition. While the database works
   * on one, this process writes and reads the next.
   */
  readonly statementsInFlight: number;
  /** Items that one sweep of a partition handles. */
  readonly sweepItems: number;
  /** How often a partition is polled while consumers wait, in case another process stored items. */
  readonly pollMs: number;
  /** The longest time without a sweep of a partition, in case another process left something to do. */
  readonly sweepIdleMs: number;
  /**
   * A statement that takes longer than this, plus `slowItemMs` for each item
   * that it writes, is slow. No other statement joins it, and its consumers may
   * be served by other partitions.
   */
  readonly slowMs: number;
  /** What a statement may take for each item that it writes; a fraction of a millisecond. */
  readonly slowItemMs: number;
  /** How long a partition that was found empty is not asked again, unless items are known to have come. */
  readonly emptyMs: number;
  /**
   * After this time a prepared letter commits by itself, unless its sender has
   * committed or aborted it. At most half the dead-letter queue's expire timeout.
   */
  readonly letterAutoCommitMs: number;
  /** How long the first call of a queue waits for the probes of its partitions. */
  readonly loadMs: number;
  /** How long a change of a queue's settings waits for earlier changes of the same queue. */
  readonly changeWaitMs: number;
  /** How long a caller waits for a new count when an earlier one exists. */
  readonly countFreshMs: number;
  /** How long a caller waits for a count when none exists, or the last one is too old. */
  readonly countWaitMs: number;
  /**
   * A partition with fewer items is small. Callers wait longer than
   * `countFreshMs` for its count, so that its stats stay exact on a busy machine.
   */
  readonly countFewItems: number;
  /** How old a count may be, unless counts take longer. */
  readonly countMaxAgeMs: number;
}

/** The dependencies of the engine. It reaches the outside world only through them. */
/**
 * A limit on the memory of produced items that wait for storage, over all
 * queues of a process. Its methods must not throw.
 */
export interface ItemBudget {
  /** Takes bytes for the items of a request. @returns false to refuse the request as overload. */
  readonly take: (bytes: number) => boolean;
  /** Returns bytes that were taken, once storage has the items or the request has ended. */
  readonly release: (bytes: number) => void;
}

export interface EngineDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: EngineLimits;
  readonly observer: EngineObserver;
  /** Undefined: only the limits of each queue count. */
  readonly itemBudget: ItemBudget | undefined;
  /** Undefined: no request has a trace. */
  readonly tracer: EngineTracer | undefined;
}
