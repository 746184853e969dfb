import { once } from 'node:events';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '@querator/core';

/** A reply that its client does not read within this time is given up. */
const REPLIES_MS = 10_000;
const LOOK_MS = 20;

/**
 * The orderly end of a listener: what was asked is answered, and no connection
 * is closed under a request that is on its way.
 *
 * Clients keep connections open and use them again, and open new ones. One that
 * is closed at the moment its client sends leaves the client not knowing what
 * became of the request. So for a while all are still answered, in a way that
 * closes the connection and sends the client elsewhere; only then is the
 * listener closed, with those that said nothing.
 */
export class Drain {
  readonly #http: HttpServer;
  readonly #clock: Clock;
  /** The latest reply on each connection. */
  readonly #replies = new Map<Socket, ServerResponse>();
  #closing = false;

  constructor(http: HttpServer, clock: Clock) {
    this.#http = http;
    this.#clock = clock;
    http.on('connection', (socket: Socket) => {
      socket.once('close', () => this.#replies.delete(socket));
    });
    http.on('request', ({ socket }: IncomingMessage, reply: ServerResponse) => {
      this.#replies.set(socket, reply);
      if (this.#closing) reply.shouldKeepAlive = false;
    });
  }

  /** From now on every reply closes its connection. */
  begin(): void {
    this.#closing = true;
    for (const reply of this.#replies.values()) reply.shouldKeepAlive = false;
  }

  /**
   * Answers what comes for `lingerMs` more, closes the listener, waits until the
   * replies are out, and closes all connections.
   */
  async end(lingerMs: number): Promise<void> {
    // The clock's timers keep no process alive, and the last connection may close between two looks.
    const hold = setInterval(() => {}, REPLIES_MS);
    if (lingerMs > 0) await this.#pause(lingerMs);
    const closed = once(this.#http, 'close');
    this.#http.close();
    for (let waitedMs = 0; this.#isAnswering() && waitedMs < REPLIES_MS; waitedMs += LOOK_MS) {
      await this.#pause(LOOK_MS);
    }
    // Also those that never said a word, which do not count as idle to node:http.
    this.#http.closeAllConnections();
    await closed;
    clearInterval(hold);
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
