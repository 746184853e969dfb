import type { Socket } from 'node:net';
import type { Clock, Instant } from '@querator/core';
import type pg from 'pg';
import { withTimeLimit } from '../errors/time-limit.ts';
import type { RowStream } from '../wire/row-stream.ts';
import { type SendOptions, sendQuery } from '../wire/send-query.ts';
import { type SessionKey, sendCancelRequest } from './cancel-request.ts';
import { PreparedNames } from './prepared-names.ts';

/** The most statements that a connection keeps prepared. */
const PREPARED_PER_CONNECTION = 500;

/** How long a server may take to close a connection. */
const CLOSE_LIMIT_MS = 1_000;

/**
 * The PostgreSQL routine behind the notice that the wait for a synchronous standby was
 * cancelled, in any language. The server reports success nevertheless,
 * although it would be lost with the primary.
 */
const GIVES_UP_ON_STANDBY = 'SyncRepWaitForLSN';

/** An open connection to a server, with the state that a pool needs. */
export class Connection {
  /** Host and port. */
  readonly host: string;
  readonly openedAt: Instant;
  /** When it was last used, or opened. */
  idleSince: Instant;
  /** Why it cannot be used any more. Undefined if nothing is known to be wrong. */
  lost: Error | undefined;
  /** Whether to close it after its present use. */
  retired = false;
  /** Called once, when the connection is found to be lost. */
  onLost: () => void = () => {};
  /** Called with the payload of each notification, and the process id of the session that sent it. */
  onNotification: (payload: string, session: number) => void = () => {};
  readonly #client: pg.Client;
  readonly #rowStream: RowStream;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #ended: Promise<void>;
  readonly #prepared = new PreparedNames(PREPARED_PER_CONNECTION);
  /** Settles when no statement is in flight or queued. Undefined if there is none. */
  #lastQuery: Promise<unknown> | undefined;
  /** Whether a statement was sent and is not answered yet. */
  #unanswered = false;
  /** Whether the statement in flight committed without its synchronous standby. */
  #unreplicated = false;

  /** @param deps `rowStream` reads what the server sends before `client` does. */
  constructor(
    client: pg.Client,
    deps: {
      readonly rowStream: RowStream;
      readonly socket: Socket;
      readonly clock: Clock;
      readonly host: string;
    },
  ) {
    this.#client = client;
    this.#rowStream = deps.rowStream;
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
    client.on('notification', ({ payload, processId }) => this.onNotification(payload ?? '', processId));
    void this.#ended.then(() => this.#lose(new Error('Connection terminated')));
  }

  /**
   * Runs one statement at a time. Each is sent once the previous one is answered, so
   * that a warning always belongs to the statement in flight.
   *
   * @returns the rows: objects with a property for each column, or the results of
   *   `options.read`.
   * @throws Error also if a commit may not have reached the synchronous standby: its
   *   outcome is unknown.
   */
  query(config: pg.QueryConfig, options: SendOptions = {}): Promise<readonly unknown[]> {
    const send = () => this.#send(config, options);
    const answer = this.#lastQuery?.then(send) ?? send();
    const ended = () => {
      if (this.#lastQuery === query) this.#lastQuery = undefined;
    };
    const query = answer.then(ended, ended);
    this.#lastQuery = query;
    return answer;
  }

  async #send(config: pg.QueryConfig, options: SendOptions): Promise<readonly unknown[]> {
    this.#unreplicated = false;
    this.#unanswered = true;
    try {
      const on = { client: this.#client, rowStream: this.#rowStream };
      const forgotten = config.name === undefined ? undefined : this.#prepared.use(config.name);
      const rows = await sendQuery(on, config, { ...options, forgotten });
      if (this.#unreplicated) throw new Error('the wait for the synchronous standby was canceled');
      return rows;
    } finally {
      this.#unanswered = false;
    }
  }

  /** Whether the server last reported that it is inside a transaction. */
  get inTransaction(): boolean {
    return this.#client.getTransactionStatus() === 'T';
  }

  /** Whether the connection keeps the process alive. A connection in use does, an idle one does not. */
  holdProcess(isInUse: boolean): void {
    if (isInUse) this.#socket.ref();
    else this.#socket.unref();
  }

  /**
   * Asks the server to cancel the statement in flight, if there is one. The request
   * may arrive late and hit the next statement, so do not use the connection again.
   */
  async cancel(): Promise<void> {
    if (this.lost === undefined && this.#unanswered) await this.#cancel();
  }

  /**
   * Closes the connection, and waits until the server has freed its place. Cancels a
   * statement that still runs. A session that waits for a synchronous standby does not
   * notice that its client has left. It would keep its place. Cuts the connection if
   * the server does not answer. Never rejects.
   */
  async close(): Promise<void> {
    this.onLost = () => {};
    // Otherwise a process with nothing else to do would end here.
    this.holdProcess(true);
    const limit = {
      ms: CLOSE_LIMIT_MS,
      clock: this.#clock,
      message: 'the server did not close the connection',
    };
    await withTimeLimit(this.#endSession(), limit).catch(() => {});
    this.#socket.destroy();
  }

  async #endSession(): Promise<void> {
    // Cancel first: a pooler no longer knows the key once the client has left.
    await this.cancel();
    // A server that ended the session closes the connection itself.
    if (this.lost === undefined) this.#client.end().catch(() => {});
    await this.#ended;
  }

  async #cancel(): Promise<void> {
    const { processID, secretKey } = this.#client as pg.Client & { processID?: number; secretKey?: number };
    if (typeof processID !== 'number' || typeof secretKey !== 'number') return;
    const key: SessionKey = { processId: processID, secret: secretKey };
    await sendCancelRequest(this.#socket, key, CLOSE_LIMIT_MS);
  }

  #lose(error: Error): void {
    if (this.lost !== undefined) return;
    this.lost = error;
    this.onLost();
  }
}
