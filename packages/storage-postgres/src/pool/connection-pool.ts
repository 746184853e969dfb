import type { CancelTimer, Clock, Logger } from '@querator/core';
import type { Connection } from '../connection/connection.ts';
import { reasonOf } from '../errors/connect-error.ts';
import { sqlStateOf, TOO_MANY_CONNECTIONS } from '../errors/postgres-error.ts';
import { TimeLimitError } from '../errors/time-limit.ts';
import type { PoolSettings } from '../settings/pool-settings.ts';
import { isOld, outdated, roundMs } from './connection-age.ts';
import type { PoolState } from './pool-state.ts';
import { WaitingLine } from './waiting-line.ts';

/** How long a pool makes do with the connections it has when the server allows no more. */
const MAKE_DO_MS = 1_000;

/** How often the log says that all are in use, at most: a thousand requests may be late at once. */
const BUSY_REPORT_MS = 1_000;

const CLOSED = 'the connection pool is closed';
/** What is said when all are in use; operators look for these words. */
const BUSY = 'failed to acquire connection: all connections in pool are busy';

/** What a pool is made of. */
export interface ConnectionPoolDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How errors and the log name the servers. */
  readonly target: string;
  readonly settings: PoolSettings;
  /** The most connections there may be; what it says may change, see `resized`. */
  readonly maxConns: () => number;
  /** Opens one. */
  readonly open: (signal: AbortSignal) => Promise<Connection>;
}

/**
 * Hands out connections in the order they are asked for, and opens them as
 * needed. One counts until the server has let go of it: there are never more
 * than the limit, not even for the moment in which one takes another's place.
 */
export class ConnectionPool {
  readonly #deps: ConnectionPoolDeps;
  readonly #opening = new Set<AbortController>();
  /** Open or being closed. */
  readonly #connections = new Set<Connection>();
  /** The last one was used last. */
  #idle: Connection[] = [];
  readonly #inUse = new Set<Connection>();
  readonly #waiting: WaitingLine<Connection>;
  #timedOut = 0;
  /** Of these, those that came too late because all were in use, and that the log knows nothing of yet. */
  #unreported = 0;
  #hasReported = false;
  /** Why no further connection is opened just now; absent: one may be. */
  #refusal: string | undefined;
  /** After a refusal one at a time is opened, until one was: a server that is full is not to be stormed. */
  #cautious = false;
  #cancelRound: CancelTimer | undefined;
  #closing: Promise<void> | undefined;
  #drained: () => void = () => {};

  constructor(deps: ConnectionPoolDeps) {
    this.#deps = deps;
    this.#waiting = new WaitingLine(deps.clock);
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
   * The next connection that is free, or a new one.
   *
   * @throws TimeLimitError when none comes free in time; whatever `open` throws.
   */
  acquire(limitMs: number): Promise<Connection> {
    if (this.#closing !== undefined) return Promise.reject(new Error(CLOSED));
    const connection = this.#waiting.join(limitMs, () => this.#tooLate(limitMs));
    this.#serve();
    return connection;
  }

  /** Gives a connection back, to be closed when it is broken or too old. */
  release(connection: Connection, broken: boolean): void {
    if (!this.#inUse.delete(connection)) return;
    connection.idleSince = this.#deps.clock.now();
    const surplus = this.#size > this.#deps.maxConns();
    const spent = connection.retired || isOld(connection, this.#deps.settings, connection.idleSince);
    const useless = broken || connection.lost !== undefined;
    // Its statement was answered, so nobody else says so.
    if (!broken && connection.lost !== undefined) this.#reportLost(connection, reasonOf(connection.lost));
    if (useless || spent || surplus || this.#closing !== undefined) this.#drop(connection);
    else this.#becomeIdle(connection);
    this.#serve();
  }

  /** A connection in use was found dead. */
  lost(connection: Connection, reason: string): void {
    this.#reportLost(connection, reason);
    this.release(connection, true);
  }

  /** Closes the idle connections of a kind. */
  retireIdle(which: (connection: Connection) => boolean): void {
    for (const connection of this.#idle.filter(which)) this.#drop(connection);
  }

  /** Closes all connections, those in use when they come back. */
  retireAll(): void {
    for (const connection of this.#connections) connection.retired = true;
    this.retireIdle(() => true);
  }

  /** `maxConns` says something else now. */
  resized(): void {
    for (let surplus = this.#size - this.#deps.maxConns(); surplus > 0; surplus--) {
      const [oldest] = this.#idle;
      if (oldest === undefined) break;
      this.#drop(oldest);
    }
    this.#serve();
  }

  /** Hands out no more, and ends when the last connection is closed. Twice is once. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#drained = resolve;
    });
    while (this.#waiting.failFirst(new Error(CLOSED)));
    for (const opening of this.#opening) opening.abort();
    this.retireIdle(() => true);
    this.#checkDrained();
    return this.#closing;
  }

  get #size(): number {
    return this.#connections.size + this.#opening.size;
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const connection = this.#idle.pop();
      if (connection === undefined) break;
      this.#inUse.add(connection);
      connection.hold(true);
      this.#waiting.serveFirst(connection);
    }
    if (this.#refusal !== undefined && this.#inUse.size > 0) return;
    while (this.#opening.size < this.#mayOpen && this.#size < this.#deps.maxConns()) this.#openOne();
  }

  /** How many may be on their way at a time. */
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
    if (this.#closing !== undefined || connection.lost !== undefined) this.#drop(connection);
    else this.#becomeIdle(connection);
    this.#startRounds();
    this.#serve();
  }

  #failedToOpen(error: unknown): void {
    const makesDo = sqlStateOf(error) === TOO_MANY_CONNECTIONS && this.#inUse.size > 0;
    if (makesDo) this.#makeDo(reasonOf(error));
    const told = !makesDo && this.#waiting.failFirst(error);
    // Nobody else says so: the request that wanted it has given up, or waits for another.
    if (!told && this.#closing === undefined) this.#reportNotOpened(reasonOf(error));
    this.#serve();
    this.#checkDrained();
  }

  /** Those who wait get a connection that comes back, rather than an error. */
  #makeDo(refusal: string): void {
    if (this.#refusal === undefined) {
      this.#deps.clock.startTimer(MAKE_DO_MS, () => {
        this.#refusal = undefined;
        this.#serve();
      });
    }
    this.#refusal = refusal;
    this.#cautious = true;
  }

  #becomeIdle(connection: Connection): void {
    connection.hold(false);
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

  #tooLate(limitMs: number): TimeLimitError {
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
      // Those that are being closed are none to count on.
      const open = this.#idle.length + this.#inUse.size;
      for (const each of outdated(this.#idle, { settings, open, now: clock.now() })) this.#drop(each);
      if (this.#connections.size > 0) this.#startRounds();
    });
  }

  #checkDrained(): void {
    if (this.#closing === undefined || this.#size > 0) return;
    this.#cancelRound?.();
    this.#drained();
  }
}
