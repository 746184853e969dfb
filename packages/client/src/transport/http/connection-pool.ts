import { addDuration, type Clock, type Instant, milliseconds } from '@querator/core';
import { Connection, type ConnectionListener, type Exchange } from './connection.ts';
import type { OpeningSocket } from './open-socket.ts';

/** Dependencies and settings of a pool. */
export interface ConnectionPoolDeps {
  readonly clock: Clock;
  /** Opens a connection. Throws if that is impossible, whatever the server does. */
  readonly open: () => OpeningSocket;
  /** The most connections, and so the most exchanges at a time. The others wait. */
  readonly mostConnections: number;
}

/** A connection without an exchange. */
interface Idle {
  readonly connection: Connection;
  /** The server may close it soon after. Undefined: it does not tell when. */
  readonly until: Instant | undefined;
}

/** The most idle connections. */
const MOST_IDLE = 256;
/** A connection is not used in the last second before the server closes it. */
const MARGIN_MS = 1_000;

/** The connections to one server. Those that have served before are used again, the last one first. */
export class ConnectionPool {
  readonly #deps: ConnectionPoolDeps;
  readonly #listener: ConnectionListener;
  readonly #idle: Idle[] = [];
  /** The exchanges that wait for a connection, the oldest first. */
  readonly #waiting = new Set<Exchange>();
  /** The connections of exchanges that had to wait for one. */
  readonly #carriers = new WeakMap<Exchange, Connection>();
  #connections = 0;

  constructor(deps: ConnectionPoolDeps) {
    this.#deps = deps;
    this.#listener = {
      freed: (connection, idleSeconds) => this.#freed(connection, idleSeconds),
      closed: (connection) => this.#closed(connection),
    };
  }

  /**
   * Begins an exchange.
   *
   * @returns a function that aborts it.
   * @throws what `open` throws.
   */
  begin(exchange: Exchange): () => void {
    const idle = this.#takeIdle();
    if (idle !== undefined) {
      idle.begin(exchange);
      return () => idle.abort(exchange);
    }
    if (this.#connections < this.#deps.mostConnections) {
      const opened = this.#open(exchange);
      return () => opened.abort(exchange);
    }
    this.#waiting.add(exchange);
    return () => {
      if (!this.#waiting.delete(exchange)) this.#carriers.get(exchange)?.abort(exchange);
    };
  }

  #open(first: Exchange): Connection {
    const opened = new Connection(this.#deps.open(), first, this.#listener);
    this.#connections++;
    return opened;
  }

  /** The connection that was used last, unless the server is about to close it. */
  #takeIdle(): Connection | undefined {
    for (;;) {
      const idle = this.#idle.pop();
      if (idle?.until === undefined || idle.until > this.#deps.clock.now()) return idle?.connection;
      idle.connection.close();
    }
  }

  #freed(connection: Connection, idleSeconds: number | undefined): void {
    const next = this.#nextWaiting();
    if (next !== undefined) {
      this.#carriers.set(next, connection);
      connection.begin(next);
      return;
    }
    const idleMs = idleSeconds === undefined ? undefined : idleSeconds * 1_000 - MARGIN_MS;
    if (this.#idle.length === MOST_IDLE || (idleMs !== undefined && idleMs <= 0)) {
      connection.close();
      return;
    }
    const until =
      idleMs === undefined ? undefined : addDuration(this.#deps.clock.now(), milliseconds(idleMs));
    this.#idle.push({ connection, until });
    connection.rest();
  }

  #closed(connection: Connection): void {
    this.#connections--;
    const position = this.#idle.findIndex((idle) => idle.connection === connection);
    if (position >= 0) this.#idle.splice(position, 1);
    const next = this.#nextWaiting();
    if (next === undefined) return;
    try {
      this.#carriers.set(next, this.#open(next));
    } catch (error) {
      next.failed(error as Error, false);
    }
  }

  #nextWaiting(): Exchange | undefined {
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange);
      return exchange;
    }
    return undefined;
  }
}
