import { availableParallelism } from 'node:os';
import { type Clock, type Instant, type Logger, millisecondsBetween } from '@querator/core';
import pg from 'pg';
import type { ConnectionSettings } from './connection-string.ts';
import { sessionOptions } from './session-options.ts';
import { TimeLimitError, withTimeLimit } from './time-limit.ts';
import type { TimeLimits } from './time-limits.ts';
import { type TlsAttempt, tlsAttempts } from './tls-settings.ts';

/** A backend that uses a pool. */
export interface PoolUser {
  /** What its configuration says; absent: nothing. */
  readonly maxConns?: number | undefined;
  readonly limits: TimeLimits;
}

/** What a pool is doing now. */
export interface PoolState {
  /** Host, port and database; never the user or the password. */
  readonly target: string;
  readonly maxConns: number;
  readonly open: number;
  readonly idle: number;
  /** Requests waiting for a connection. */
  readonly waiting: number;
}

/** pgxpool's defaults, which the storage document refers to. */
const DEFAULT_MAX_CONNS = Math.max(4, availableParallelism());
const DEFAULT_MAX_CONN_LIFETIME_MS = 60 * 60_000;
const DEFAULT_MAX_CONN_IDLE_TIME_MS = 30 * 60_000;

/** A connection that was idle for longer may have been cut without our noticing, by a firewall for one. */
const DEFAULT_HEALTH_CHECK_PERIOD_MS = 5_000;
/** How long an idle connection has to prove that it works. */
const PROBE_LIMIT_MS = 1_000;

/** The pool of all backends that have one connection string. Opened at the first use. */
export class SharedPool {
  readonly #settings: ConnectionSettings;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #users = new Set<PoolUser>();
  readonly #inUse = new Set<pg.PoolClient>();
  readonly #idleSince = new WeakMap<pg.PoolClient, Instant>();
  #opening: Promise<pg.Pool> | undefined;
  #pool: pg.Pool | undefined;
  #attempts: readonly TlsAttempt[] = [];
  #attempt = 0;

  constructor(settings: ConnectionSettings, deps: { readonly clock: Clock; readonly logger: Logger }) {
    this.#settings = settings;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
  }

  /** Adds a user; its `maxConns` counts at once, also for a pool that is open. */
  join(user: PoolUser): void {
    this.#users.add(user);
    if (this.#pool !== undefined) this.#pool.options.max = this.maxConns;
  }

  /** Takes a user away; with the last one the pool is closed. */
  async leave(user: PoolUser): Promise<void> {
    if (!this.#users.delete(user)) return;
    if (this.#users.size > 0) {
      if (this.#pool !== undefined) this.#pool.options.max = this.maxConns;
      return;
    }
    const pool = await this.#opening?.catch(() => undefined);
    await pool?.end();
  }

  get unused(): boolean {
    return this.#users.size === 0;
  }

  /** The largest `max-conns` of the users; where none says one, what the string says, or pgxpool's default. */
  get maxConns(): number {
    const said = [...this.#users].flatMap(({ maxConns }) => (maxConns === undefined ? [] : [maxConns]));
    if (said.length > 0) return Math.max(...said);
    return this.#settings.pool.maxConns ?? DEFAULT_MAX_CONNS;
  }

  get state(): PoolState {
    const { host = 'localhost', port = 5432, database = '' } = this.#settings;
    return {
      target: `${host}:${port}/${database}`,
      maxConns: this.maxConns,
      open: this.#pool?.totalCount ?? 0,
      idle: this.#pool?.idleCount ?? 0,
      waiting: this.#pool?.waitingCount ?? 0,
    };
  }

  /**
   * A connection that works as far as can be told, to be given back with
   * `release`.
   *
   * @throws TimeLimitError when none comes free in time, or whatever `pg`
   *   throws when it cannot connect.
   */
  async acquire(limitMs: number): Promise<pg.PoolClient> {
    const pool = await this.#open();
    // Each turn throws away a dead connection; when all were dead, the last one opens a new one.
    for (let turn = 0; turn <= this.maxConns; turn++) {
      const client = await this.#connect(pool, limitMs);
      if (await this.#works(client)) return client;
    }
    throw new Error('all connections in pool are broken');
  }

  /** Gives a connection back; a broken one is closed and replaced. */
  release(client: pg.PoolClient, broken: boolean): void {
    this.#inUse.delete(client);
    this.#idleSince.set(client, this.#clock.now());
    client.release(broken);
  }

  #open(): Promise<pg.Pool> {
    this.#opening ??= this.#create().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #create(): Promise<pg.Pool> {
    // libpq never encrypts a Unix socket.
    const local = this.#settings.host?.startsWith('/') ?? false;
    this.#attempts = local ? [false] : await tlsAttempts(this.#settings.tls);
    const currentAttempt = () => this.#attempts[this.#attempt] ?? false;
    const { pool: said } = this.#settings;
    const pool = new pg.Pool({
      ...sessionOptions(this.#settings, this.#longestLimits()),
      max: this.maxConns,
      min: said.minConns ?? 0,
      idleTimeoutMillis: said.maxConnIdleTimeMs ?? DEFAULT_MAX_CONN_IDLE_TIME_MS,
      maxLifetimeSeconds: Math.ceil((said.maxConnLifetimeMs ?? DEFAULT_MAX_CONN_LIFETIME_MS) / 1_000),
      allowExitOnIdle: true,
      Client: class extends pg.Client {
        constructor(config: pg.ClientConfig) {
          // Not a copy: the pool hides the password from enumeration, and a copy would lose it.
          super(Object.assign(config, { ssl: currentAttempt() }));
        }
      } as unknown as typeof pg.Client & (new () => pg.ClientBase),
    });
    pool.on('connect', (client) => {
      // A connection in use reports its end through its statement; without a listener it would end the process.
      client.on('error', () => {});
    });
    pool.on('error', (error) => {
      this.#logger.warn('idle connection to PostgreSQL was lost', {
        target: this.state.target,
        reason: error.message,
      });
    });
    this.#pool = pool;
    return pool;
  }

  #longestLimits(): TimeLimits {
    const limits = [...this.#users].map((user) => user.limits);
    const longest = (pick: (limit: TimeLimits) => number) => Math.max(...limits.map(pick));
    return {
      acquireMs: longest((limit) => limit.acquireMs),
      statementMs: longest((limit) => limit.statementMs),
      maintenanceMs: longest((limit) => limit.maintenanceMs),
      lockMs: longest((limit) => limit.lockMs),
      idleInTransactionMs: longest((limit) => limit.idleInTransactionMs),
      answerGraceMs: longest((limit) => limit.answerGraceMs),
    };
  }

  async #connect(pool: pg.Pool, limitMs: number): Promise<pg.PoolClient> {
    const attempt = this.#attempt;
    try {
      return await this.#connectInTime(pool, limitMs);
    } catch (error) {
      if (this.#attempts.length < 2 || !wantsOtherEncryption(error)) throw error;
      if (this.#attempt === attempt) this.#attempt = (attempt + 1) % this.#attempts.length;
      return await this.#connectInTime(pool, limitMs);
    }
  }

  async #connectInTime(pool: pg.Pool, ms: number): Promise<pg.PoolClient> {
    const pending = pool.connect();
    let late = false;
    pending.then(
      (client) => {
        if (late) client.release();
        else this.#inUse.add(client);
      },
      () => {},
    );
    try {
      const message = `no connection within ${ms} ms`;
      return await withTimeLimit(pending, { ms, clock: this.#clock, message });
    } catch (error) {
      late = true;
      if (!(error instanceof TimeLimitError) || this.#inUse.size < this.maxConns) throw error;
      const busy = 'failed to acquire connection: all connections in pool are busy';
      this.#logger.error(busy, { target: this.state.target, maxConns: this.maxConns });
      throw new TimeLimitError(busy);
    }
  }

  async #works(client: pg.PoolClient): Promise<boolean> {
    const since = this.#idleSince.get(client);
    const period = this.#settings.pool.healthCheckPeriodMs ?? DEFAULT_HEALTH_CHECK_PERIOD_MS;
    if (since === undefined || millisecondsBetween(since, this.#clock.now()) < period) return true;
    try {
      const message = 'an idle connection did not answer';
      await withTimeLimit(client.query('SELECT 1'), { ms: PROBE_LIMIT_MS, clock: this.#clock, message });
      return true;
    } catch {
      this.release(client, true);
      return false;
    }
  }
}

/** The server has no TLS, or its access rules refuse this kind of connection: the other one may do. */
function wantsOtherEncryption(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const noTls = error.message === 'The server does not support SSL connections';
  return noTls || ('code' in error && error.code === '28000');
}
