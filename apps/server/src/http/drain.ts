import { once } from 'node:events';
import type { Server as HttpServer, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Clock } from '@querator/core';

/** A reply that its client does not read within this time is given up. */
const REPLIES_MS = 10_000;
const LOOK_MS = 20;

/**
 * The orderly end of a listener: what was asked is answered, and no connection
 * is closed under a request that is on its way.
 *
 * Clients keep connections open and use them again. One that is closed at the
 * moment its client sends leaves the client not knowing what became of the
 * request. So connections are closed by their replies, which say so; those that
 * are silent are given a while to speak, and closed then.
 */
export class Drain {
  readonly #http: HttpServer;
  readonly #clock: Clock;
  readonly #replies = new Set<ServerResponse>();
  #closing = false;

  constructor(http: HttpServer, clock: Clock) {
    this.#http = http;
    this.#clock = clock;
    http.on('request', (_, reply: ServerResponse) => {
      this.#replies.add(reply);
      reply.once('close', () => this.#replies.delete(reply));
      if (this.#closing) reply.shouldKeepAlive = false;
    });
  }

  /** From now on every reply closes its connection. */
  begin(): void {
    this.#closing = true;
    for (const reply of this.#replies) reply.shouldKeepAlive = false;
  }

  /**
   * Takes no more connections, waits until the replies are out, and closes
   * those that said nothing for `lingerMs`.
   */
  async end(lingerMs: number): Promise<void> {
    const closed = once(this.#http, 'close');
    // Not node:http's own way to close, which closes idle connections at once.
    NetServer.prototype.close.call(this.#http);
    await this.#until(async () => (await this.#connections()) === 0, lingerMs);
    await this.#until(() => this.#replies.size === 0, REPLIES_MS);
    // Also those that never said a word, which do not count as idle to node:http.
    this.#http.closeAllConnections();
    await closed;
  }

  async #until(isSo: () => boolean | Promise<boolean>, limitMs: number): Promise<void> {
    for (let waitedMs = 0; waitedMs < limitMs && !(await isSo()); waitedMs += LOOK_MS) {
      await new Promise<void>((resolve) => this.#clock.startTimer(LOOK_MS, resolve));
    }
  }

  #connections(): Promise<number> {
    return new Promise((resolve) => this.#http.getConnections((_, count) => resolve(count)));
  }
}
