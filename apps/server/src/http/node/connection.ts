import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { MemoryShare } from '../budget/memory-budget.ts';

/** Requests of one connection that run at a time. Further ones wait. */
const REQUESTS_AT_A_TIME = 16;
/** While more requests than this wait, their socket is not read. Then a client that leaves is not noticed either. */
const MOST_TURNS = 16;
/** No request of a connection begins while its client has left this many bytes of answers unread. */
const MOST_UNREAD_BYTES = 1_000_000;
/** What a request that waits for its turn holds besides its body, in bytes. */
const BYTES_PER_TURN = 4_096;

/** Seconds without a byte of a body that is not complete. */
const BODY_SECONDS = 30;
/** Seconds from the first byte of a request's headers to the last. */
const HEADERS_SECONDS = 10;
/** Seconds without a request after which a connection may be closed for another one. */
export const IDLE_SECONDS = 60;

/** Why the server closed a connection. */
export type CloseReason = 'idle' | 'headers' | 'body' | 'pipelined' | 'unread';

/** The answer to headers that stay incomplete. */
const TIMED_OUT = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** A request that is complete and runs when its turn comes. */
export interface Turn {
  /** Whether it may wait for items. */
  readonly waits: boolean;
  /** Whether its answer may be long, or long in coming. A connection runs one such request at a time. */
  readonly runsAlone: boolean;
  readonly outgoing: ServerResponse;
  /** Answers the request, and calls `Connection.ended`. Must not throw. */
  run(): void;
  /** The connection is closed, and the request does not run. */
  drop(): void;
}

/** A request whose body is arriving. */
export interface Receiving {
  readonly incoming: IncomingMessage;
  /** The bytes that it holds in the budget. */
  readonly heldBytes: number;
  readonly share: MemoryShare;
  /** Refuses it as overload, and drops what has arrived. */
  refuse(): void;
  /** The connection is closed. */
  drop(): void;
}

/** What a connection needs of the registry of all connections. */
export interface ConnectionDeps {
  /** Seconds since the server began to count, whole. */
  readonly seconds: () => number;
  readonly pipelined: MemoryShare;
  readonly answers: MemoryShare;
  /** Requests that may wait for items, over all connections. */
  readonly waiting: { count: number };
  /** The connection has unread answers, or has none any more. */
  readonly unreadChanged: (connection: Connection) => void;
  readonly closing: (reason: CloseReason) => void;
}

/**
 * A connection of a client: the requests on it, and what it holds in memory.
 * Requests begin in order of arrival, a few at a time. While many wait, the socket
 * is not read, so that a client cannot send more than is served.
 */
export class Connection {
  readonly socket: Socket;
  readonly #deps: ConnectionDeps;
  #running = 0;
  #runsOneAlone = false;
  #turns: Turn[] = [];
  #receiving: Receiving | undefined;
  /** The last request, until its body is complete and it is answered. */
  #latest: IncomingMessage | undefined;
  #unreadBytes = 0;
  #unreadSince = 0;
  /** When a request began or ended, or the connection was opened. */
  #activeAt: number;
  /** When a body began to arrive. */
  #receivingSince = 0;
  /** Bytes that the socket had received when they were last looked at, and since when. */
  #bytesRead: number;
  #bytesSince: number;
  #paused = false;
  #closed = false;
  /** Node resumes a socket at the end of each request. */
  readonly #keepPaused = () => {
    this.socket.pause();
  };

  constructor(socket: Socket, deps: ConnectionDeps) {
    this.socket = socket;
    this.#deps = deps;
    this.#activeAt = deps.seconds();
    this.#bytesRead = socket.bytesRead;
    this.#bytesSince = this.#activeAt;
  }

  /** Whether it is closed. The parser goes on to the end of what it has read: those requests are not served. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Bytes of answers that the client has not read. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  /** How long the oldest unread answer has waited, in seconds. */
  get unreadSeconds(): number {
    return this.#deps.seconds() - this.#unreadSince;
  }

  /** The request whose body is arriving. */
  get receiving(): Receiving | undefined {
    return this.#receiving;
  }

  /** How long the body has been arriving, in seconds. */
  get receivingSeconds(): number {
    return this.#deps.seconds() - this.#receivingSince;
  }

  /** Seconds since the last request, if there is none now. A request with an unread answer has ended. */
  get idleSeconds(): number {
    return this.isIdle ? this.#deps.seconds() - this.#activeAt : 0;
  }

  get isIdle(): boolean {
    return this.#running === 0 && this.#latest?.complete !== false;
  }

  /** The headers of a request have arrived. */
  begins(incoming: IncomingMessage): void {
    this.#latest = incoming;
    this.#activeAt = this.#deps.seconds();
  }

  /** The body of the request arrives in pieces from now on. */
  receives(request: Receiving): void {
    this.#receiving = request;
    this.#receivingSince = this.#deps.seconds();
    this.#bytesSince = this.#receivingSince;
  }

  /** The body is complete, or refused. */
  received(): void {
    this.#receiving = undefined;
  }

  /** Runs a request that is complete, now or when its turn comes. */
  run(turn: Turn): void {
    if (this.#closed) {
      turn.drop();
      return;
    }
    if (this.#mayBegin(turn) && this.#turns.length === 0) {
      this.#begin(turn);
      return;
    }
    if (!this.#deps.pipelined.take(BYTES_PER_TURN)) {
      turn.drop();
      this.close('pipelined');
      return;
    }
    this.#turns.push(turn);
    if (this.#turns.length > MOST_TURNS) this.#pause();
  }

  /** A request that began has been answered. */
  ended(turn: Turn): void {
    this.#running--;
    if (turn.runsAlone) this.#runsOneAlone = false;
    if (turn.waits) this.#deps.waiting.count--;
    if (this.#closed) return;
    if (!turn.outgoing.writableFinished) this.#leftUnread(turn.outgoing);
    if (this.#turns.length > 0) this.#next();
    if (this.#running > 0) return;
    this.#activeAt = this.#deps.seconds();
    if (this.#latest?.complete === true) this.#latest = undefined;
    this.#bytesRead = this.socket.bytesRead;
    this.#bytesSince = this.#activeAt;
  }

  /** Closes the connection at once. */
  close(reason: CloseReason): void {
    this.#deps.closing(reason);
    this.closed();
    if (reason !== 'headers') {
      this.socket.destroy();
      return;
    }
    this.socket.write(TIMED_OUT);
    this.socket.destroySoon();
  }

  /** The socket is closed: returns what the connection held. A second call has no effect. */
  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#receiving?.drop();
    this.#receiving = undefined;
    for (const turn of this.#turns) turn.drop();
    this.#deps.pipelined.used -= this.#turns.length * BYTES_PER_TURN;
    this.#turns = [];
    this.#unread(-this.#unreadBytes);
  }

  /** Looks once a second for a request that does not go on. */
  check(): void {
    const seconds = this.#deps.seconds();
    const { bytesRead } = this.socket;
    const isMoving = bytesRead !== this.#bytesRead;
    if (this.#latest !== undefined && !this.#latest.complete) {
      // While the socket is not read, no byte can come.
      if (isMoving || this.#paused) this.#bytesSince = seconds;
      else if (seconds - this.#bytesSince >= BODY_SECONDS) this.close('body');
      this.#bytesRead = bytesRead;
      return;
    }
    if (this.#running > 0 || this.#turns.length > 0) return;
    if (this.#latest !== undefined) {
      // The rest of a refused body has arrived.
      this.#latest = undefined;
      this.#bytesRead = bytesRead;
    } else if (!isMoving) this.#bytesSince = seconds;
    else if (seconds - this.#bytesSince >= HEADERS_SECONDS) this.close('headers');
  }

  #mayBegin(turn: Turn): boolean {
    return (
      this.#running < REQUESTS_AT_A_TIME &&
      this.#unreadBytes <= MOST_UNREAD_BYTES &&
      !(turn.runsAlone && this.#runsOneAlone)
    );
  }

  #begin(turn: Turn): void {
    this.#running++;
    if (turn.runsAlone) this.#runsOneAlone = true;
    if (turn.waits) this.#deps.waiting.count++;
    turn.run();
  }

  #next(): void {
    while (this.#turns[0] !== undefined && this.#mayBegin(this.#turns[0])) {
      this.#deps.pipelined.used -= BYTES_PER_TURN;
      this.#begin(this.#turns.shift() as Turn);
    }
    if (this.#turns.length <= MOST_TURNS) this.#resume();
  }

  /** The operating system has not taken all of an answer. */
  #leftUnread(outgoing: ServerResponse): void {
    const bytes = outgoing.writableLength;
    if (bytes === 0) return;
    outgoing.once('finish', () => {
      if (this.#closed) return;
      this.#unread(-bytes);
      if (this.#turns.length > 0) this.#next();
    });
    this.#unread(bytes);
  }

  #unread(bytes: number): void {
    if (bytes === 0) return;
    if (this.#unreadBytes === 0) this.#unreadSince = this.#deps.seconds();
    this.#unreadBytes += bytes;
    this.#deps.answers.used += bytes;
    this.#deps.unreadChanged(this);
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.socket.pause();
    this.socket.on('resume', this.#keepPaused);
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.socket.off('resume', this.#keepPaused);
    this.socket.resume();
  }
}
