import { type Clock, guardedLogger, LIMITS, type Logger, type Random, silentLogger } from '@querator/core';
import type { EngineDeps, EngineLimits, ItemBudget } from '../engine-deps.ts';
import { BATCHING_LIMITS } from '../loops/batching-policy.ts';
import { type EngineObserver, guardedObserver, NO_OBSERVER } from '../observer.ts';
import type { EngineTracer } from '../tracer.ts';

/** The documented limits, the figures of the batching policy, and reasoned values for the rest. */
export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  produceBatch: LIMITS.produceBatch,
  leaseBatch: LIMITS.leaseBatch,
  completeBatch: LIMITS.completeBatch,
  importBatch: LIMITS.importBatch,
  deleteBatch: LIMITS.deleteBatch,
  // 1.5 GB in PostgreSQL, and 2.8 GB in memory.
  dedupKeys: 10_000_000,
  ...BATCHING_LIMITS,
  sweepItems: 1_000,
  pollMs: 1_000,
  sweepIdleMs: 60_000,
  letterAutoCommitMs: 86_400_000,
  loadMs: 250,
  changeWaitMs: 10_000,
  countFreshMs: 100,
  countWaitMs: 30_000,
  // A count of 100,000 items takes 30 ms (PostgreSQL 15, two cores).
  countFewItems: 100_000,
  countMaxAgeMs: 60_000,
};

/** Adds the defaults, and guards against errors of the embedder's callbacks. */
export function engineDeps(given: {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger | undefined;
  readonly limits?: Partial<EngineLimits> | undefined;
  readonly observer?: EngineObserver | undefined;
  readonly itemBudget?: ItemBudget | undefined;
  readonly tracer?: EngineTracer | undefined;
}): EngineDeps {
  const logger = guardedLogger(given.logger ?? silentLogger);
  return {
    clock: given.clock,
    random: given.random,
    logger,
    limits: { ...DEFAULT_ENGINE_LIMITS, ...given.limits },
    observer: given.observer === undefined ? NO_OBSERVER : guardedObserver(given.observer, logger),
    itemBudget: given.itemBudget,
    tracer: given.tracer,
  };
}
