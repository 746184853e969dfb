import { once } from 'node:events';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '@querator/core';
import { connectionEvent } from './connection-event.ts';

/** How long a client may take to read the reply to its running request. */
const REPLIES_MS = 10_000;
const POLL_MS = 20;

/**
 * Closes a listener without closing a connection under a request.
 *
 * Clients reuse connections and open new ones. A client whose connection closes
 * while it sends cannot know whether the server got the request. So the server
 * answers for a while longer, and each reply closes its connection, which makes
 * the client connect elsewhere. Then it closes the listener and the idle
 * connections.
 */
export class Drain {
  readonly #http: HttpServer;
  readonly #clock: Clock;
  /** The latest reply on each connection. */
  readonly #replies = new Map<Socket, ServerResponse>();
  /** All connections, those in a TLS handshake included. */
  readonly #connections = new Set<Socket>();
  #closing = false;

  constructor(http: HttpServer, clock: Clock) {
    this.#http = http;
    this.#clock = clock;
    http.on('connection', (socket: Socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
    http.on(connectionEvent(http), (socket: Socket) => {
      socket.once('close', () => this.#replies.delete(socket));
    });
    http.on('request', ({ socket }: IncomingMessage, reply: ServerResponse) => {
      this.#replies.set(socket, reply);
      if (this.#closing) reply.shouldKeepAlive = false;
    });
  }

  /** Makes every further reply close its connection. */
  begin(): void {
    this.#closing = true;
    for (const reply of this.#replies.values()) reply.shouldKeepAlive = false;
  }

  /**
   * Answers requests for `lingerMs` more, closes the listener, waits until all
   * replies are sent, and closes all connections.
   */
  async end(lingerMs: number): Promise<void> {
    // Keep the process alive: the clock's timers do not, and the last connection may close between two polls.
    const keepAlive = setInterval(() => {}, REPLIES_MS);
    if (lingerMs > 0) await this.#pause(lingerMs);
    const closed = once(this.#http, 'close');
    this.#http.close();
    for (let waitedMs = 0; this.#isAnswering() && waitedMs < REPLIES_MS; waitedMs += POLL_MS) {
      await this.#pause(POLL_MS);
    }
    // Not `closeAllConnections`, which leaves out those in a TLS handshake.
    for (const socket of this.#connections) socket.destroy();
    await closed;
    clearInterval(keepAlive);
  }

  #isAnswering(): boolean {
    return [...this.#replies.values()].some((reply) => !reply.writableFinished && !reply.destroyed);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.startTimer(ms, resolve);
    });
  }
}
