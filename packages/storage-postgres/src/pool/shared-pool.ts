import { availableParallelism } from 'node:os';
import { type Clock, type Instant, type Logger, millisecondsBetween, type Random } from '@querator/core';
import type { Connection } from '../connection/connection.ts';
import { Connector } from '../connection/connector.ts';
import { PoolerMode } from '../connection/pooler-mode.ts';
import { CATALOGUE_ONLY, transactionSettings, usersSearchPath } from '../connection/session-options.ts';
import { reasonOf } from '../errors/connect-error.ts';
import { withTimeLimit } from '../errors/time-limit.ts';
import type { ConnectionSettings } from '../settings/connection-string.ts';
import { hostName } from '../settings/host-list.ts';
import { toSafeStatement } from '../settings/server-settings.ts';
import type { TimeLimits } from '../settings/time-limits.ts';
import { SignalChannel } from '../signals/signal-channel.ts';
import { Allotment } from './allotment.ts';
import { ConnectionPool } from './connection-pool.ts';
import { ItemNumbers } from './item-numbers.ts';
import { type InTurn, LookTurns } from './look-turns.ts';
import type { PoolState } from './pool-state.ts';

/** A backend that uses a pool. */
export interface PoolUser {
  /** What its configuration says; absent: nothing. */
  readonly maxConns?: number | undefined;
  readonly limits: TimeLimits;
}

/** pgxpool's default, which the storage document refers to. */
const DEFAULT_MAX_CONNS = Math.max(4, availableParallelism());

/** A connection that was idle for longer may have been cut without our noticing, by a firewall for one. */
const DEFAULT_HEALTH_CHECK_PERIOD_MS = 5_000;
/** How long an idle connection has to prove that it works. */
const PROBE_LIMIT_MS = 1_000;

/** The pool of all backends that have one connection string. Connects to nothing before its first use. */
export class SharedPool {
  readonly #settings: ConnectionSettings;
  readonly #clock: Clock;
  readonly #users = new Set<PoolUser>();
  readonly #pool: ConnectionPool;
  /** Whether a pooler stands before the server, and what that leaves of sessions. */
  readonly pooler: PoolerMode;
  /** The numbers of item ids that its users know of. */
  readonly itemNumbers = new ItemNumbers();
  readonly #connector: Connector;
  /** What has been idle since before then has to prove that it works. */
  #doubtedAt: Instant | undefined;
  /** Word from and to other processes, on a connection of this pool once somebody listens. */
  readonly signals: SignalChannel;
  /**
   * What counts may have of the connections, and what looks may have that no
   * request waits for. Together, and with the one that listens, they leave at
   * least one of four.
   */
  readonly #counts = new Allotment(() => (this.maxConns >= 8 ? 2 : 1));
  readonly looks = new Allotment(() => (this.maxConns >= 5 ? 2 : 1));
  /** The looks of low-water marks are short, and leases may wait for them: they do not wait for longer ones. */
  readonly #markLooks = new LookTurns();

  constructor(
    settings: ConnectionSettings,
    deps: { readonly clock: Clock; readonly logger: Logger; readonly random: Random },
  ) {
    this.#settings = settings;
    this.#clock = deps.clock;
    const target = `${settings.hosts.map(hostName).join(',')}/${settings.database ?? ''}`;
    this.pooler = new PoolerMode(settings.pooler, {
      ...{ logger: deps.logger, target },
      onFound: () => this.#pool.retireAll(),
    });
    const connector = new Connector(settings, {
      clock: deps.clock,
      logger: deps.logger,
      pooler: this.pooler,
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

  /** Adds a user; its `maxConns` counts at once, also for a pool that is open. */
  join(user: PoolUser): void {
    this.#users.add(user);
    this.#pool.resized();
  }

  /** Takes a user away; with the last one the pool is closed. */
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

  /** The largest `max-conns` of the users; where none says one, what the string says, or pgxpool's default. */
  get maxConns(): number {
    const said = [...this.#users].flatMap(({ maxConns }) => (maxConns === undefined ? [] : [maxConns]));
    if (said.length > 0) return Math.max(...said);
    return this.#settings.pool.maxConns ?? DEFAULT_MAX_CONNS;
  }

  /**
   * Runs a count when a connection may be had for it. A pool of fewer than four
   * has none to spare: there counts do not wait, and all but one are to be as
   * brief as requests.
   */
  count<T>(work: (isBrief: boolean) => Promise<T>): Promise<T> {
    if (this.maxConns < 4 && !this.#counts.isFree) return work(true);
    return this.#counts.run(() => work(false));
  }

  get keepsSessions(): boolean {
    return this.pooler.keepsSessions;
  }

  /**
   * A statement that makes the settings of a session for one transaction.
   *
   * @param searchPath the user's, or that which the connection string gives way to.
   */
  settingsStatement(limits: TimeLimits, searchPath: 'users' | 'catalogue'): string {
    const settings = transactionSettings(this.#settings, limits);
    const last = searchPath === 'catalogue' ? [CATALOGUE_ONLY] : [];
    return toSafeStatement([...settings, ...last], 'transaction');
  }

  /**
   * A statement to go before one that wants the user's search path, in the same
   * transaction. Where sessions are not kept, it makes their settings too.
   */
  usersPathStatement(limits: TimeLimits): string {
    if (!this.keepsSessions) return this.settingsStatement(limits, 'users');
    return usersSearchPath(this.#settings, this.pooler.settle);
  }

  /** Runs a look of a low-water mark when its turn has come. */
  readonly markLook: InTurn = (work) => this.#markLooks.take(work);

  get state(): PoolState {
    return this.#pool.state;
  }

  /**
   * A connection that works as far as can be told, to be given back with
   * `release`.
   *
   * @throws TimeLimitError when none comes free in time, or whatever the
   *   connector throws when it cannot open one.
   */
  async acquire(limitMs: number): Promise<Connection> {
    const start = this.#clock.now();
    for (let left = limitMs; ; left = limitMs - millisecondsBetween(start, this.#clock.now())) {
      const connection = await this.#pool.acquire(Math.max(left, 0));
      if (await this.#works(connection)) return connection;
      // What has been idle for as long met the same fate: not worth a second of waiting each.
      this.#pool.retireIdle((other) => this.#isDoubtful(other));
    }
  }

  /** Gives a connection back; a broken one is closed and replaced. */
  release(connection: Connection, broken: boolean): void {
    this.#pool.release(connection, broken);
  }

  /**
   * The server turned out to take no writes: what is open is closed as it comes
   * free, and a server like that is not taken again.
   */
  leaveReadOnly(): void {
    this.#connector.metReadOnly();
    this.#pool.retireAll();
  }

  /** A server did not answer: the connections that are idle now have to prove that they work before they are used. */
  doubt(): void {
    this.#doubtedAt = this.#clock.now();
  }

  async #works(connection: Connection): Promise<boolean> {
    if (!this.#isDoubtful(connection)) return true;
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

  #isDoubtful(connection: Connection): boolean {
    const period = this.#settings.pool.healthCheckPeriodMs ?? DEFAULT_HEALTH_CHECK_PERIOD_MS;
    if (this.#doubtedAt !== undefined && connection.idleSince <= this.#doubtedAt) return true;
    return millisecondsBetween(connection.idleSince, this.#clock.now()) >= period;
  }

  /** The server counts for all users of a connection alike. */
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
