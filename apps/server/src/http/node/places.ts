import type { Logger } from '@querator/core';
import { type Connection, IDLE_SECONDS } from './connection.ts';

/**
 * Decides which connections are served. When all places are taken, the
 * connection that was idle for longest is closed, if that is a minute or more.
 * Until there is one, further connections wait in order of arrival, unread, as
 * in the kernel's backlog.
 */
export class Places {
  /** Connections that may be served at a time. */
  readonly limit: number;
  readonly #logger: Logger;
  readonly served = new Set<Connection>();
  readonly #queue = new Set<Connection>();
  /** Connections that were idle for a minute at the last look, the longest idle at the end. */
  #idle: Connection[] = [];
  #hasLooked = false;

  constructor(limit: number, logger: Logger) {
    this.limit = limit;
    this.#logger = logger;
  }

  /** Connections that wait for a place. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Serves a new connection, or lets it wait. */
  enter(connection: Connection): void {
    if (this.#queue.size === 0 && (this.served.size < this.limit || this.#closeIdle())) {
      this.served.add(connection);
      return;
    }
    if (this.#queue.size === 0) {
      this.#logger.warn('all connections are in use; further ones wait', { connections: this.limit });
    }
    this.#queue.add(connection);
    // node:http starts to read the socket in the next tick, and only after that can it be paused.
    process.nextTick(() => {
      if (this.#queue.has(connection)) connection.socket.pause();
    });
  }

  /** A connection was closed. */
  leave(connection: Connection): void {
    this.#queue.delete(connection);
    if (this.served.delete(connection)) this.#serveNext();
  }

  /** Looks for idle connections anew, and serves those that wait. Call it once a second. */
  serveQueued(): void {
    this.#hasLooked = false;
    this.#idle = [];
    while (this.#queue.size > 0 && (this.served.size < this.limit || this.#closeIdle())) this.#serveNext();
  }

  #serveNext(): void {
    const [next] = this.#queue;
    if (next === undefined || this.served.size >= this.limit) return;
    this.#queue.delete(next);
    this.served.add(next);
    next.socket.resume();
  }

  /** @returns whether a place is free now. */
  #closeIdle(): boolean {
    if (!this.#hasLooked) {
      this.#hasLooked = true;
      this.#idle = [...this.served]
        .filter(({ idleSeconds }) => idleSeconds >= IDLE_SECONDS)
        .sort((a, b) => a.idleSeconds - b.idleSeconds);
    }
    for (let oldest = this.#idle.pop(); oldest !== undefined; oldest = this.#idle.pop()) {
      if (oldest.idleSeconds < IDLE_SECONDS || !this.served.delete(oldest)) continue;
      oldest.close('idle');
      return true;
    }
    return false;
  }
}
