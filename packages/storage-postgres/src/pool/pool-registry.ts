import {
  type Clock,
  guardedLogger,
  type Logger,
  type Random,
  // biome-ignore lint/style/noRestrictedImports: the outermost thing that an embedder makes.
  SystemClock,
  // biome-ignore lint/style/noRestrictedImports: the same.
  SystemRandom,
  silentLogger,
} from '@querator/core';
import { parseConnectionString } from '../settings/connection-string.ts';
import type { PoolState } from './pool-state.ts';
import { type PoolUser, SharedPool } from './shared-pool.ts';

/** A backend's share of a pool. */
export interface PoolShare {
  readonly pool: SharedPool;
  /** Measures time limits and pauses. Deadlines are measured by the database. */
  readonly clock: Clock;
  /** Gives the share back. The last one closes the pool. May be called twice. */
  release(): Promise<void>;
}

/**
 * The connection pools of a process: one for each distinct connection string, however
 * many backends use it. The composition root creates one registry and gives it to
 * every backend; there is no global state.
 */
export class PoolRegistry {
  readonly #pools = new Map<string, SharedPool>();
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #random: Random;

  /** @param deps `clock` and `random` default to the system's. */
  constructor(
    deps: {
      readonly logger?: Logger | undefined;
      readonly clock?: Clock | undefined;
      readonly random?: Random | undefined;
    } = {},
  ) {
    this.#clock = deps.clock ?? new SystemClock();
    this.#random = deps.random ?? new SystemRandom();
    this.#logger = guardedLogger(deps.logger ?? silentLogger);
  }

  /**
   * A share of the pool for that connection string. Opens no connection; the first
   * statement does.
   *
   * @throws Error when the string is malformed. It does not contain the password.
   */
  share(connectionString: string, user: PoolUser): PoolShare {
    let pool = this.#pools.get(connectionString);
    if (pool === undefined) {
      const settings = parseConnectionString(connectionString);
      pool = new SharedPool(settings, { clock: this.#clock, logger: this.#logger, random: this.#random });
      this.#pools.set(connectionString, pool);
    }
    pool.join(user);
    return { pool, clock: this.#clock, release: () => this.#release(connectionString, pool, user) };
  }

  /** The present state of the pools, for metrics. */
  states(): readonly PoolState[] {
    return [...this.#pools.values()].map((pool) => pool.state);
  }

  async #release(connectionString: string, pool: SharedPool, user: PoolUser): Promise<void> {
    const left = pool.leave(user);
    // Immediately, so that a backend created while the old pool closes gets a new one.
    if (pool.unused && this.#pools.get(connectionString) === pool) this.#pools.delete(connectionString);
    await left;
  }
}
