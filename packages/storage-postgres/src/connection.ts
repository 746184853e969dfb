import type { Socket } from 'node:net';
import type { Clock, Instant } from '@querator/core';
import type pg from 'pg';
import { queryWithSettings } from './query-with-settings.ts';
import { withTimeLimit } from './time-limit.ts';

/** How long a server may take to say goodbye. */
const CLOSE_LIMIT_MS = 1_000;

/** An open connection to a server, with what a pool has to know of it. */
export class Connection {
  /** Host and port. */
  readonly host: string;
  readonly openedAt: Instant;
  /** When it was last used; until then, when it was opened. */
  idleSince: Instant;
  /** Why it is of no more use; absent: nothing is known to be wrong. */
  lost: Error | undefined;
  /** Whether it is to be closed after its present use. */
  retired = false;
  /** Told once, when the connection is found to be lost. */
  onLost: () => void = () => {};
  /** Told of each notification, with its payload. */
  onNotification: (payload: string) => void = () => {};
  readonly #client: pg.Client;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #ended: Promise<void>;

  constructor(
    client: pg.Client,
    deps: { readonly socket: Socket; readonly clock: Clock; readonly host: string },
  ) {
    this.#client = client;
    this.#socket = deps.socket;
    this.#clock = deps.clock;
    this.host = deps.host;
    this.openedAt = deps.clock.now();
    this.idleSince = this.openedAt;
    this.#ended = new Promise((resolve) => client.once('end', resolve));
    client.on('error', (error) => this.#lose(error));
    client.on('notification', ({ payload }) => this.onNotification(payload ?? ''));
    void this.#ended.then(() => this.#lose(new Error('Connection terminated')));
  }

  /** @param settings a statement that makes settings for the transaction in which this one runs. */
  query(config: pg.QueryConfig, settings?: string): Promise<pg.QueryResult> {
    if (settings !== undefined) return queryWithSettings(this.#client, settings, config);
    return this.#client.query<pg.QueryResultRow>(config);
  }

  /** Whether the server's last word was that it is in the middle of a transaction. */
  get inTransaction(): boolean {
    return this.#client.getTransactionStatus() === 'T';
  }

  /** Whether it keeps the process alive: one in use does, an idle one does not. */
  hold(held: boolean): void {
    if (held) this.#socket.ref();
    else this.#socket.unref();
  }

  /**
   * Ends the connection, and waits until the server has let go of it: only then
   * does it not count there any more. A statement that still runs is cut off,
   * and so is a server that does not answer. Never rejects.
   */
  async close(): Promise<void> {
    this.onLost = () => {};
    // A process with nothing else to do would end in the middle of this.
    this.hold(true);
    // A server that ended the session closes the connection by itself.
    if (this.lost === undefined) this.#client.end().catch(() => {});
    const limit = { ms: CLOSE_LIMIT_MS, clock: this.#clock, message: 'no goodbye' };
    await withTimeLimit(this.#ended, limit).catch(() => {});
    this.#socket.destroy();
  }

  #lose(error: Error): void {
    if (this.lost !== undefined) return;
    this.lost = error;
    this.onLost();
  }
}
