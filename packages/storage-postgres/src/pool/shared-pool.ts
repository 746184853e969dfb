import { availableParallelism } from 'node:os';
import { type Clock, type Instant, type Logger, millisecondsBetween, type Random } from '@querator/core';
import type { Connection } from '../connection/connection.ts';
import { Connector } from '../connection/connector.ts';
import type { PasswordFunction } from '../connection/passwords.ts';
import { PoolerMode } from '../connection/pooler-mode.ts';
import { CATALOGUE_ONLY, transactionSettings, usersSearchPath } from '../connection/session-options.ts';
import { reasonOf } from '../errors/connect-error.ts';
import { withTimeLimit } from '../errors/time-limit.ts';
import type { ConnectionSettings } from '../settings/connection-string.ts';
import { hostName } from '../settings/host-list.ts';
import { toSafeStatement } from '../settings/server-settings.ts';
import type { TimeLimits } from '../settings/time-limits.ts';
import { SignalChannel } from '../signals/signal-channel.ts';
import { ConnectionPool } from './connection-pool.ts';
import { ItemNumbers } from './item-numbers.ts';
import type { PoolState } from './pool-state.ts';
import { Semaphore } from './semaphore.ts';

/** A backend that uses a pool. */
export interface PoolUser {
  /** The limit in its configuration. Undefined if there is none. */
  readonly maxConns?: number | undefined;
  readonly limits: TimeLimits;
}

/** pgxpool's default, which docs/storage/postgres.md refers to. */
const DEFAULT_MAX_CONNS = Math.max(4, availableParallelism());

/** A firewall may have cut a connection that was idle for longer, without a sign. */
const DEFAULT_HEALTH_CHECK_PERIOD_MS = 5_000;
/** How long an idle connection may take to answer a test. */
const PROBE_LIMIT_MS = 1_000;

/** The pool of all backends with the same connection string. Opens no connection before its first use. */
export class SharedPool {
  readonly #settings: ConnectionSettings;
  readonly #clock: Clock;
  readonly #users = new Set<PoolUser>();
  readonly #pool: ConnectionPool;
  /** Whether a pooler stands before the server, and which session state it keeps. */
  readonly pooler: PoolerMode;
  /** The numbers of item ids that the pool's users know. */
  readonly itemNumbers = new ItemNumbers(() => this.maxConns);
  readonly #connector: Connector;
  /** Connections that were idle at that time are tested before they are used. */
  #distrustedAt: Instant | undefined;
  /** Signals to and from other processes. Uses a connection of this pool once something is published or subscribed to. */
  readonly signals: SignalChannel;
  /**
   * Limits the connections for counts, and for background reads that no request waits
   * for. Together with the listening connection they leave at least one of four to
   * requests.
   */
  readonly #counts = new Semaphore(() => (this.maxConns >= 8 ? 2 : 1));
  readonly background = new Semaphore(() => (this.maxConns >= 5 ? 2 : 1));
  readonly #searches = new Semaphore(() => (this.maxConns >= 16 ? 2 : 1));
  /**
   * Reads of low-water marks run one at a time, on one connection of the pool. They are
   * short, and leases may wait for them. So they do not queue behind longer background
   * work.
   */
  readonly markReads = new Semaphore(() => 1);

  constructor(
    settings: ConnectionSettings,
    deps: {
      readonly clock: Clock;
      readonly logger: Logger;
      readonly random: Random;
      readonly password?: PasswordFunction | undefined;
    },
  ) {
    this.#settings = settings;
    this.#clock = deps.clock;
    const target = `${settings.hosts.map(hostName).join(',')}/${settings.database ?? ''}`;
    this.pooler = new PoolerMode(settings.pooler, {
      logger: deps.logger,
      target,
      onDetected: () => this.#pool.retireAll(),
    });
    const connector = new Connector(settings, {
      clock: deps.clock,
      logger: deps.logger,
      pooler: this.pooler,
      password: deps.password,
    });
    this.#connector = connector;
    this.signals = new SignalChannel({ ...deps, source: this, target });
    this.#pool = new ConnectionPool({
      ...deps,
      target,
      settings: settings.pool,
      maxConns: () => this.maxConns,
      open: (signal) => connector.open(this.#longestLimits(), signal),
    });
  }

  /** Uses other passwords for further connections. @param settings the same ones besides. */
  renewPasswords(settings: ConnectionSettings): void {
    this.#connector.renewPasswords(settings);
  }

  /** Adds a user. Its `maxConns` takes effect at once, even if the pool is open. */
  join(user: PoolUser): void {
    this.#users.add(user);
    this.#pool.resized();
  }

  /** Removes a user. The last one closes the pool. */
  async leave(user: PoolUser): Promise<void> {
    if (!this.#users.delete(user)) return;
    if (this.unused) {
      await this.signals.close();
      await this.#pool.close();
    } else this.#pool.resized();
  }

  get unused(): boolean {
    return this.#users.size === 0;
  }

  /**
   * The largest `maxConns` of the users. If none has one, that of the connection
   * string, or pgxpool's default.
   */
  get maxConns(): number {
    const said = [...this.#users].flatMap(({ maxConns }) => (maxConns === undefined ? [] : [maxConns]));
    if (said.length > 0) return Math.max(...said);
    return this.#settings.pool.maxConns ?? DEFAULT_MAX_CONNS;
  }

  /**
   * Runs a count once a connection is available for it. A pool of fewer than four
   * connections has none to spare. There counts do not wait, but all except one only
   * get a request's time limit.
   */
  count<T>(work: (isBrief: boolean) => Promise<T>): Promise<T> {
    if (this.maxConns < 4 && !this.#counts.isFree) return work(true);
    return this.#counts.run(() => work(false));
  }

  /**
   * Runs a search once a connection is available for it. A pool of fewer than eight
   * connections has none to spare: there searches share those of background reads.
   */
  search<T>(work: () => Promise<T>): Promise<T> {
    return this.maxConns < 8 ? this.background.run(work) : this.#searches.run(work);
  }

  get keepsSessions(): boolean {
    return this.pooler.keepsSessions;
  }

  /**
   * A statement that sets the session settings for one transaction.
   *
   * @param searchPath the user's own, or PostgreSQL's catalogue only.
   */
  settingsStatement(limits: TimeLimits, searchPath: 'users' | 'catalogue'): string {
    const settings = transactionSettings(this.#settings, limits);
    const last = searchPath === 'catalogue' ? [CATALOGUE_ONLY] : [];
    return toSafeStatement([...settings, ...last], 'transaction');
  }

  /**
   * A statement that sets the user's search path for the transaction of the statement
   * after it. Also sets the session settings if sessions are not kept.
   */
  usersPathStatement(limits: TimeLimits): string {
    if (!this.keepsSessions) return this.settingsStatement(limits, 'users');
    return usersSearchPath(this.#settings, this.pooler.settingsMode);
  }

  get state(): PoolState {
    return this.#pool.state;
  }

  /**
   * A connection that works as far as we know. Return it with `release`.
   *
   * @throws TimeLimitError when none becomes free in time, or whatever the connector
   *   throws when it cannot open one.
   */
  async acquire(limitMs: number): Promise<Connection> {
    const start = this.#clock.now();
    for (let left = limitMs; ; left = limitMs - millisecondsBetween(start, this.#clock.now())) {
      const connection = await this.#pool.acquire(Math.max(left, 0));
      if (await this.#isAlive(connection)) return connection;
      // Others that were idle as long are dead too, so do not spend a second on testing each.
      this.#pool.retireIdle((other) => this.#needsProbe(other));
    }
  }

  /** Returns a connection to the pool. Closes and replaces a broken one. */
  release(connection: Connection, broken: boolean): void {
    this.#pool.release(connection, broken);
  }

  /**
   * The server is read-only: closes its connections as they become free, and opens
   * none to such a server again.
   */
  avoidReadOnly(): void {
    this.#connector.avoidReadOnly();
    this.#pool.retireAll();
  }

  /** A server did not answer: tests the connections that are idle now before they are used. */
  distrustIdle(): void {
    this.#distrustedAt = this.#clock.now();
  }

  async #isAlive(connection: Connection): Promise<boolean> {
    if (!this.#needsProbe(connection)) return true;
    const message = 'an idle connection did not answer';
    try {
      const probe = connection.query({ text: 'SELECT 1' });
      await withTimeLimit(probe, { ms: PROBE_LIMIT_MS, clock: this.#clock, message });
      return true;
    } catch (error) {
      this.#pool.lost(connection, reasonOf(error));
      return false;
    }
  }

  #needsProbe(connection: Connection): boolean {
    const period = this.#settings.pool.healthCheckPeriodMs ?? DEFAULT_HEALTH_CHECK_PERIOD_MS;
    if (this.#distrustedAt !== undefined && connection.idleSince <= this.#distrustedAt) return true;
    return millisecondsBetween(connection.idleSince, this.#clock.now()) >= period;
  }

  /** The longest limits of all users, since they share the connections. */
  #longestLimits(): TimeLimits {
    const limits = [...this.#users].map((user) => user.limits);
    const longest = (pick: (limit: TimeLimits) => number) => Math.max(...limits.map(pick));
    return {
      acquireMs: longest((limit) => limit.acquireMs),
      statementMs: longest((limit) => limit.statementMs),
      maintenanceMs: longest((limit) => limit.maintenanceMs),
      countMs: longest((limit) => limit.countMs),
      lockMs: longest((limit) => limit.lockMs),
      idleInTransactionMs: longest((limit) => limit.idleInTransactionMs),
      answerGraceMs: longest((limit) => limit.answerGraceMs),
      heldHorizonMs: longest((limit) => limit.heldHorizonMs),
    };
  }
}
