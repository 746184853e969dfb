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
import type { PasswordFunction } from '../connection/passwords.ts';
import { parseConnectionString, withoutPasswords } from '../settings/connection-string.ts';
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
 * The connection pools of a process: one for each distinct connection string and
 * password function, however many backends use it. The composition root creates one registry and gives it to
 * every backend; there is no global state.
 */
export class PoolRegistry {
  readonly #pools = new Map<PasswordFunction | undefined, Map<string, SharedPool>>();
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
   * @param password called for each new connection whose server asks for a password.
   * @throws Error when the string is malformed. It does not contain the password.
   */
  share(connectionString: string, user: PoolUser, password?: PasswordFunction): PoolShare {
    const pools = this.#pools.get(password) ?? new Map<string, SharedPool>();
    let pool = pools.get(connectionString);
    if (pool === undefined) {
      const settings = parseConnectionString(connectionString);
      const deps = { clock: this.#clock, logger: this.#logger, random: this.#random, password };
      pool = new SharedPool(settings, deps);
      pools.set(connectionString, pool);
      this.#pools.set(password, pools);
    }
    const joined = pool;
    joined.join(user);
    const release = async () => {
      const left = joined.leave(user);
      // Immediately, so that a backend created while the old pool closes gets a new one.
      if (joined.unused && pools.get(connectionString) === joined) pools.delete(connectionString);
      if (pools.size === 0 && this.#pools.get(password) === pools) this.#pools.delete(password);
      await left;
    };
    return { pool: joined, clock: this.#clock, release };
  }

  /**
   * Uses the passwords of another connection string for further connections of the
   * pools of a string. Open connections stay.
   *
   * @param connectionString as the pools' users gave it.
   * @returns false if the strings differ in more than passwords. Then nothing changes.
   * @throws Error when the other string is malformed. It does not contain the password.
   */
  renewPasswords(connectionString: string, changed: string): boolean {
    if (withoutPasswords(connectionString) !== withoutPasswords(changed)) return false;
    const settings = parseConnectionString(changed);
    for (const pools of this.#pools.values()) pools.get(connectionString)?.renewPasswords(settings);
    return true;
  }

  /** The present state of the pools, for metrics. */
  states(): readonly PoolState[] {
    return [...this.#pools.values()].flatMap((pools) => [...pools.values()]).map((pool) => pool.state);
  }
}
