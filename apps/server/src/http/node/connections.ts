import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type CancelTimer, type Clock, type Logger, silentLogger } from '@querator/core';
import type { MemoryBudget, MemoryShare } from '../budget/memory-budget.ts';
import { type CloseReason, Connection, type ConnectionDeps } from './connection.ts';
import { connectionEvent } from './connection-event.ts';
import { Places } from './places.ts';

/** The part of the places that consumers may wait on. The rest is kept for calls that do not wait. */
const WAITING_PART = 0.9;
/** Before this age, an unread answer or an incomplete body counts as on its way. */
const STALE_SECONDS = 5;
/** Incomplete bodies are refused until this part of their share is in use. */
const USED_AFTER_EVICTION = 3 / 4;

/** The pause between looks at all connections. Times of connections are whole seconds. */
const SECOND_MS = 1_000;

/** The limits of the connections of a process. */
export interface ConnectionLimits {
  /** Connections that are served at a time. Further ones wait, unread. */
  readonly served: number;
  /** Connections that are open at a time, the waiting ones included. Further ones are closed. Undefined: no limit. */
  readonly open?: number | undefined;
}

/** The dependencies of `Connections`. */
export interface ConnectionsDeps {
  readonly clock: Clock;
  readonly budget: MemoryBudget;
  readonly limits: ConnectionLimits;
  readonly logger?: Logger | undefined;
}

/** How many connections there are. */
export interface ConnectionCounts {
  readonly limit: number;
  /** Served connections. */
  readonly open: number;
  /** Those among them without a request. */
  readonly idle: number;
  /** Requests that wait for items, or may. */
  readonly consumers: number;
  /** Connections that wait for a place. */
  readonly queued: number;
}

/**
 * All connections of a process, over all its listeners: who is served, whose
 * request does not go on, and who is closed when memory runs short.
 */
export class Connections {
  readonly #clock: Clock;
  readonly #budget: MemoryBudget;
  readonly #places: Places;
  readonly #open: number | undefined;
  readonly #logger: Logger;
  readonly #connections = new Map<Socket, Connection>();
  readonly #unread = new Set<Connection>();
  readonly #connectionDeps: ConnectionDeps;
  readonly #waiting = { count: 0 };
  readonly #mostWaiting: number;
  readonly #evictedAt = new Map<MemoryShare, number>();
  #seconds = 0;
  #cancel: CancelTimer | undefined;

  /** Closed connections by reason. */
  readonly closed = new Map<CloseReason | 'descriptors', number>();

  constructor({ clock, budget, limits, logger = silentLogger }: ConnectionsDeps) {
    this.#clock = clock;
    this.#budget = budget;
    this.#open = limits.open;
    this.#logger = logger;
    this.#places = new Places(limits.served, logger);
    this.#mostWaiting = Math.max(Math.floor(limits.served * WAITING_PART), 1);
    this.#connectionDeps = {
      seconds: () => this.#seconds,
      pipelined: budget.pipelined,
      answers: budget.answers,
      waiting: this.#waiting,
      unreadChanged: (connection) => this.#unreadChanged(connection),
      closing: (reason) => this.#count(reason),
    };
  }

  /** Counts the connections of a listener from now on. */
  attach(http: Server): void {
    if (this.#open !== undefined) http.maxConnections = this.#open;
    http.on('drop', () => {
      this.#count('descriptors');
      const text =
        'a connection was closed: the process has no file descriptor for it; raise the limit (ulimit -n)';
      this.#logger.error(text, { open: this.#open });
    });
    http.on(connectionEvent(http), (socket: Socket) => this.#opened(socket));
  }

  /** The connection that a request arrived on. */
  of(socket: Socket): Connection {
    return this.#connections.get(socket) ?? this.#opened(socket);
  }

  /** Whether one more request may wait for items. */
  get mayWait(): boolean {
    // The request itself is counted.
    return this.#waiting.count <= this.#mostWaiting;
  }

  /** How many connections there are now. Looks at each of them. */
  counts(): ConnectionCounts {
    let idle = 0;
    for (const connection of this.#places.served) if (connection.isIdle) idle++;
    return {
      limit: this.#places.limit,
      open: this.#places.served.size,
      idle,
      consumers: this.#waiting.count,
      queued: this.#places.queued,
    };
  }

  /**
   * Whether an answer of this length may be sent. If not, the connections with
   * the most unread bytes are closed, and then it may.
   *
   * @returns false if all unread answers are too young to tell a slow client from one that does not read.
   */
  hasRoomForAnswer(bytes: number): boolean {
    const { answers } = this.#budget;
    while (answers.used + bytes > answers.limit) {
      const worst = this.#worstReader(STALE_SECONDS);
      if (worst === undefined) return answers.refuse();
      worst.close('unread');
    }
    return true;
  }

  /**
   * Refuses bodies that arrive slowly, those first that hold most for longest.
   *
   * @returns whether the share has become smaller.
   */
  evictBodies(share: MemoryShare): boolean {
    if (this.#evictedAt.get(share) === this.#seconds) return false;
    this.#evictedAt.set(share, this.#seconds);
    const before = share.used;
    const slow = [...this.#connections.values()].filter(
      ({ receiving, receivingSeconds }) => receiving?.share === share && receivingSeconds >= STALE_SECONDS,
    );
    const weight = ({ receiving, receivingSeconds }: Connection) =>
      (receiving?.heldBytes ?? 0) * receivingSeconds;
    for (const connection of slow.toSorted((a, b) => weight(b) - weight(a))) {
      if (share.used <= share.limit * USED_AFTER_EVICTION) break;
      connection.receiving?.refuse();
    }
    return share.used < before;
  }

  #opened(socket: Socket): Connection {
    // Node remembers the address from now on, for the logs of a client that is gone.
    void socket.remoteAddress;
    const connection = new Connection(socket, this.#connectionDeps);
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      connection.closed();
      this.#places.leave(connection);
    });
    this.#places.enter(connection);
    this.#cancel ??= this.#nextSecond();
    return connection;
  }

  #nextSecond(): CancelTimer {
    return this.#clock.startTimer(SECOND_MS, () => {
      this.#seconds++;
      for (const connection of this.#connections.values()) connection.check();
      this.#places.serveQueued();
      this.#cancel = this.#connections.size > 0 ? this.#nextSecond() : undefined;
    });
  }

  #unreadChanged(connection: Connection): void {
    if (connection.unreadBytes === 0) {
      this.#unread.delete(connection);
      return;
    }
    this.#unread.add(connection);
    const { answers } = this.#budget;
    while (answers.used > answers.limit) {
      const worst = this.#worstReader(STALE_SECONDS) ?? this.#worstReader(0);
      if (worst === undefined) return;
      worst.close('unread');
    }
  }

  /** The connection with the most unread bytes for the longest time. Undefined: none is that old. */
  #worstReader(leastSeconds: number): Connection | undefined {
    let worst: Connection | undefined;
    let most = -1;
    for (const connection of this.#unread) {
      const { unreadSeconds, unreadBytes } = connection;
      if (unreadSeconds < leastSeconds || unreadBytes * unreadSeconds <= most) continue;
      worst = connection;
      most = unreadBytes * unreadSeconds;
    }
    return worst;
  }

  #count(reason: CloseReason | 'descriptors'): void {
    this.closed.set(reason, (this.closed.get(reason) ?? 0) + 1);
    if (reason === 'unread')
      this.#logger.warn('a connection was closed: its client does not read its answers');
  }
}
