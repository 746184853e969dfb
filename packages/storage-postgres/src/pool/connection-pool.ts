import { type CancelTimer, type Clock, type Logger, RunOnce } from '@querator/core';
import type { Connection } from '../connection/connection.ts';
import { reasonOf } from '../errors/connect-error.ts';
import { sqlStateOf, TOO_MANY_CONNECTIONS } from '../errors/postgres-error.ts';
import { TimeLimitError } from '../errors/time-limit.ts';
import type { PoolSettings } from '../settings/pool-settings.ts';
import { isOld, outdated, roundMs } from './connection-age.ts';
import type { PoolState } from './pool-state.ts';
import { WaitQueue } from './wait-queue.ts';

/** How long no connection is opened after the server has refused one because it is full. */
const REFUSED_PAUSE_MS = 1_000;

/**
 * The shortest time between two reports that all connections are in use: a thousand
 * requests may time out at once.
 */
const BUSY_REPORT_MS = 1_000;

const CLOSED = 'the connection pool is closed';
/** The message if all connections are in use. Operators search the log for these words. */
const BUSY = 'failed to acquire connection: all connections in pool are busy';

/** Dependencies of a pool. */
export interface ConnectionPoolDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The name of the servers for errors and the log. */
  readonly target: string;
  readonly settings: PoolSettings;
  /** The limit of connections. If its value changes, call `resized`. */
  readonly maxConns: () => number;
  /** Opens a connection. */
  readonly open: (signal: AbortSignal) => Promise<Connection>;
}

/**
 * Gives out connections in the order of the requests, and opens them as needed. A
 * connection counts until the server has freed its place. So the limit is never
 * exceeded, not even while one connection replaces another.
 */
export class ConnectionPool {
  readonly #deps: ConnectionPoolDeps;
  readonly #opening = new Set<AbortController>();
  /** Connections that are open or being closed. */
  readonly #connections = new Set<Connection>();
  /** The most recently used is last. */
  #idle: Connection[] = [];
  readonly #inUse = new Set<Connection>();
  readonly #waiting: WaitQueue<Connection>;
  #timedOut = 0;
  /** Requests that timed out because all connections were in use, and are not logged yet. */
  #unreported = 0;
  #hasReported = false;
  /** Why no connection may be opened now. Undefined if one may. */
  #refusal: string | undefined;
  /** After a refusal, connections are opened one at a time until one succeeds, to spare a full server. */
  #cautious = false;
  #cancelRound: CancelTimer | undefined;
  readonly #closing = new RunOnce(() => this.#close());
  #drained: () => void = () => {};

  constructor(deps: ConnectionPoolDeps) {
    this.#deps = deps;
    this.#waiting = new WaitQueue(deps.clock);
  }

  get state(): PoolState {
    return {
      target: this.#deps.target,
      maxConns: this.#deps.maxConns(),
      open: this.#size,
      idle: this.#idle.length,
      waiting: this.#waiting.length,
      timedOut: this.#timedOut,
    };
  }

  /**
   * The next free connection, or a new one.
   *
   * @throws TimeLimitError when none becomes free in time; whatever `open` throws.
   */
  acquire(limitMs: number): Promise<Connection> {
    if (this.#closing.hasBegun) return Promise.reject(new Error(CLOSED));
    const connection = this.#waiting.wait(limitMs, () => this.#timeout(limitMs));
    this.#serve();
    return connection;
  }

  /** Gives a connection back. Closes it if it is broken or too old. */
  release(connection: Connection, broken: boolean): void {
    if (!this.#inUse.delete(connection)) return;
    connection.idleSince = this.#deps.clock.now();
    const surplus = this.#size > this.#deps.maxConns();
    const spent = connection.retired || isOld(connection, this.#deps.settings, connection.idleSince);
    const useless = broken || connection.lost !== undefined;
    // Its statement was answered, so the loss is not logged elsewhere.
    if (!broken && connection.lost !== undefined) this.#reportLost(connection, reasonOf(connection.lost));
    if (useless || spent || surplus || this.#closing.hasBegun) this.#drop(connection);
    else this.#becomeIdle(connection);
    this.#serve();
  }

  /** A connection in use was found to be dead. */
  lost(connection: Connection, reason: string): void {
    this.#reportLost(connection, reason);
    this.release(connection, true);
  }

  /** Closes the idle connections that match. */
  retireIdle(which: (connection: Connection) => boolean): void {
    for (const connection of this.#idle.filter(which)) this.#drop(connection);
  }

  /** Closes all connections; those in use once they are released. */
  retireAll(): void {
    for (const connection of this.#connections) connection.retired = true;
    this.retireIdle(() => true);
  }

  /** Call when the value of `maxConns` has changed. */
  resized(): void {
    for (let surplus = this.#size - this.#deps.maxConns(); surplus > 0; surplus--) {
      const [oldest] = this.#idle;
      if (oldest === undefined) break;
      this.#drop(oldest);
    }
    this.#serve();
  }

  /** Rejects further requests, and resolves once the last connection is closed. May be called twice. */
  close(): Promise<void> {
    return this.#closing.run();
  }

  async #close(): Promise<void> {
    const { promise: drained, resolve } = Promise.withResolvers<void>();
    this.#drained = resolve;
    while (this.#waiting.rejectFirst(new Error(CLOSED)));
    for (const opening of this.#opening) opening.abort();
    this.retireIdle(() => true);
    this.#checkDrained();
    await drained;
  }

  get #size(): number {
    return this.#connections.size + this.#opening.size;
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const connection = this.#idle.pop();
      if (connection === undefined) break;
      this.#inUse.add(connection);
      connection.holdProcess(true);
      this.#waiting.resolveFirst(connection);
    }
    if (this.#refusal !== undefined && this.#inUse.size > 0) return;
    while (this.#opening.size < this.#mayOpen && this.#size < this.#deps.maxConns()) this.#openOne();
  }

  /** The number of connections that may be opened at the same time. */
  get #mayOpen(): number {
    return this.#cautious ? Math.min(1, this.#waiting.length) : this.#waiting.length;
  }

  #openOne(): void {
    const opening = new AbortController();
    this.#opening.add(opening);
    const settled = () => this.#opening.delete(opening);
    this.#deps.open(opening.signal).then(
      (connection) => {
        settled();
        this.#opened(connection);
      },
      (error: unknown) => {
        settled();
        this.#failedToOpen(error);
      },
    );
  }

  #opened(connection: Connection): void {
    this.#connections.add(connection);
    this.#cautious = false;
    connection.onLost = () => {
      if (!this.#idle.includes(connection)) return;
      this.#reportLost(connection, reasonOf(connection.lost));
      this.#drop(connection);
    };
    if (this.#closing.hasBegun || connection.lost !== undefined) this.#drop(connection);
    else this.#becomeIdle(connection);
    this.#startRounds();
    this.#serve();
  }

  #failedToOpen(error: unknown): void {
    const isFull = sqlStateOf(error) === TOO_MANY_CONNECTIONS && this.#inUse.size > 0;
    if (isFull) this.#pauseOpening(reasonOf(error));
    const isReported = !isFull && this.#waiting.rejectFirst(error);
    // No request reports the failure: it has timed out, or waits for another connection.
    if (!isReported && !this.#closing.hasBegun) this.#reportNotOpened(reasonOf(error));
    this.#serve();
    this.#checkDrained();
  }

  /** Lets waiting requests wait for a connection that is released, instead of failing them. */
  #pauseOpening(refusal: string): void {
    if (this.#refusal === undefined) {
      this.#deps.clock.startTimer(REFUSED_PAUSE_MS, () => {
        this.#refusal = undefined;
        this.#serve();
      });
    }
    this.#refusal = refusal;
    this.#cautious = true;
  }

  #becomeIdle(connection: Connection): void {
    connection.holdProcess(false);
    this.#idle.push(connection);
  }

  /** Closes a connection that is not in use. */
  #drop(connection: Connection): void {
    this.#idle = this.#idle.filter((other) => other !== connection);
    void connection.close().then(() => {
      this.#connections.delete(connection);
      this.#serve();
      this.#checkDrained();
    });
  }

  #timeout(limitMs: number): TimeLimitError {
    this.#timedOut++;
    const maxConns = this.#deps.maxConns();
    if (this.#inUse.size < maxConns) {
      const reason = this.#refusal === undefined ? '' : `; ${this.#refusal}`;
      return new TimeLimitError(`no connection within ${limitMs} ms${reason}`);
    }
    this.#unreported++;
    this.#reportBusy(maxConns);
    return new TimeLimitError(BUSY);
  }

  #reportBusy(maxConns: number): void {
    if (this.#hasReported || this.#unreported === 0) return;
    const { clock, logger, target } = this.#deps;
    logger.error(BUSY, { target, maxConns, requests: this.#unreported });
    this.#unreported = 0;
    this.#hasReported = true;
    clock.startTimer(BUSY_REPORT_MS, () => {
      this.#hasReported = false;
      this.#reportBusy(maxConns);
    });
  }

  #reportNotOpened(reason: string): void {
    const { target, logger } = this.#deps;
    logger.warn('connection to PostgreSQL was not opened', { target, reason });
  }

  #reportLost({ host }: Connection, reason: string): void {
    const { target, logger } = this.#deps;
    logger.warn('idle connection to PostgreSQL was lost', { target, host, reason });
  }

  #startRounds(): void {
    const { clock, settings } = this.#deps;
    this.#cancelRound ??= clock.startTimer(roundMs(settings), () => {
      this.#cancelRound = undefined;
      // Do not count connections that are being closed.
      const open = this.#idle.length + this.#inUse.size;
      for (const each of outdated(this.#idle, { settings, open, now: clock.now() })) this.#drop(each);
      if (this.#connections.size > 0) this.#startRounds();
    });
  }

  #checkDrained(): void {
    if (!this.#closing.hasBegun || this.#size > 0) return;
    this.#cancelRound?.();
    this.#drained();
  }
}
