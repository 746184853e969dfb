import type { Socket } from 'node:net';
import type { Clock, Instant } from '@querator/core';
import type pg from 'pg';
import { withTimeLimit } from '../errors/time-limit.ts';
import type { RowStream } from '../wire/row-stream.ts';
import { type SendOptions, sendQuery } from '../wire/send-query.ts';
import { type SessionKey, sendCancelRequest } from './cancel-request.ts';
import { PreparedNames } from './prepared-names.ts';

/** So many statements are kept prepared. */
const PREPARED_PER_CONNECTION = 500;

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
  readonly #rowStream: RowStream;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #ended: Promise<void>;
  readonly #prepared = new PreparedNames(PREPARED_PER_CONNECTION);
  /** Ends when no statement is under way or waits for one; absent: that is so. */
  #turn: Promise<unknown> | undefined;
  /** Whether a statement was sent and is not answered. */
  #unanswered = false;
  /** Whether the statement under way committed without its synchronous standby. */
  #unreplicated = false;

  /** @param deps `rowStream` stands before the client. */
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
    client.on('notification', ({ payload }) => this.onNotification(payload ?? ''));
    void this.#ended.then(() => this.#lose(new Error('Connection terminated')));
  }

  /**
   * One statement at a time, each when the one before has been answered: what
   * the server warns of belongs to the one that is under way.
   *
   * @returns the rows: objects with a property for each column, or what `options.read` makes of them.
   * @throws Error also when what was committed may not be on the synchronous standby: its outcome is unknown.
   */
  query(config: pg.QueryConfig, options: SendOptions = {}): Promise<readonly unknown[]> {
    const send = () => this.#send(config, options);
    const answer = this.#turn?.then(send) ?? send();
    const ended = () => {
      if (this.#turn === turn) this.#turn = undefined;
    };
    const turn = answer.then(ended, ended);
    this.#turn = turn;
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
   * Has the server give up the statement under way, if there is one. It may
   * come late and meet the next one: use the connection for nothing else.
   */
  async cancel(): Promise<void> {
    if (this.lost === undefined && this.#unanswered) await this.#cancel();
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
    const limit = { ms: CLOSE_LIMIT_MS, clock: this.#clock, message: 'no goodbye' };
    await withTimeLimit(this.#sayGoodbye(), limit).catch(() => {});
    this.#socket.destroy();
  }

  async #sayGoodbye(): Promise<void> {
    // First: to a pooler the key means nothing any more once the client has gone.
    await this.cancel();
    // A server that ended the session closes the connection by itself.
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
