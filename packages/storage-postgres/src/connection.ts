import type { Socket } from 'node:net';
import type { Clock, Instant } from '@querator/core';
import type pg from 'pg';
import { type SessionKey, sendCancelRequest } from './cancel-request.ts';
import { withTimeLimit } from './time-limit.ts';

/** How long a server may take to say goodbye. */
const CLOSE_LIMIT_MS = 1_000;

/**
 * The routine of PostgreSQL whose notice says, whatever the language, that
 * somebody ended the wait for a synchronous standby: it answers the commit with
 * success all the same, though the loss of the primary would undo it.
 */
const GIVES_UP_ON_STANDBY = 'SyncRepWaitForLSN';

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
  /** Statements that were sent and not answered. */
  #unanswered = 0;
  /** Whether the statement under way committed without its synchronous standby. */
  #unreplicated = false;

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
    client.on('notice', ({ routine }) => {
      if (routine === GIVES_UP_ON_STANDBY) this.#unreplicated = true;
    });
    client.on('notification', ({ payload }) => this.onNotification(payload ?? ''));
    void this.#ended.then(() => this.#lose(new Error('Connection terminated')));
  }

  /** @throws Error also when what was committed may not be on the synchronous standby: its outcome is unknown. */
  async query(config: pg.QueryConfig): Promise<pg.QueryResult> {
    this.#unreplicated = false;
    this.#unanswered++;
    try {
      const result = await this.#client.query<pg.QueryResultRow>(config);
      if (this.#unreplicated) throw new Error('the wait for the synchronous standby was canceled');
      return result;
    } finally {
      this.#unanswered--;
    }
  }

  /** Whether it keeps the process alive: one in use does, an idle one does not. */
  hold(held: boolean): void {
    if (held) this.#socket.ref();
    else this.#socket.unref();
  }

  /**
   * Ends the connection, and waits until the server has let go of it: only then
   * does it not count there any more. A statement that still runs is cancelled:
   * a session that waits for a synchronous standby would not notice that its
   * client has gone, and keep its place for as long as that takes. A server
   * that does not answer is cut off. Never rejects.
   */
  async close(): Promise<void> {
    this.onLost = () => {};
    // A process with nothing else to do would end in the middle of this.
    this.hold(true);
    if (this.lost === undefined && this.#unanswered > 0) this.#cancel();
    // A server that ended the session closes the connection by itself.
    if (this.lost === undefined) this.#client.end().catch(() => {});
    const limit = { ms: CLOSE_LIMIT_MS, clock: this.#clock, message: 'no goodbye' };
    await withTimeLimit(this.#ended, limit).catch(() => {});
    this.#socket.destroy();
  }

  #cancel(): void {
    const { processID, secretKey } = this.#client as pg.Client & { processID?: number; secretKey?: number };
    if (typeof processID !== 'number' || typeof secretKey !== 'number') return;
    const key: SessionKey = { processId: processID, secret: secretKey };
    sendCancelRequest(this.#socket, key, CLOSE_LIMIT_MS);
  }

  #lose(error: Error): void {
    if (this.lost !== undefined) return;
    this.lost = error;
    this.onLost();
  }
}
