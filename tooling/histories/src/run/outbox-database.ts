import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { installSql } from '@querator/outbox';
import { enqueue } from '@querator/outbox/pg';
import pg from 'pg';
import type { OutboxCalls, Transaction } from '../history/outbox-calls.ts';
import { CallFailed } from '../history/queue-calls.ts';

const QUEUE = 'q';
/** A server that is frozen answers nothing. */
const ANSWER_MS = 5_000;

/** A database of a caller with an outbox, which servers move to the queue `q`. */
export class OutboxDatabase {
  readonly #connectionString: () => string;

  /** @param connectionString of the server that takes writes now. */
  constructor(connectionString: () => string) {
    this.#connectionString = connectionString;
  }

  /** Makes the outbox. */
  async install(): Promise<void> {
    await this.#query(installSql());
  }

  /** How many rows wait to be moved. */
  async rows(): Promise<number> {
    const [counted] = await this.#query('SELECT count(*)::int AS rows FROM querator_outbox.outbox');
    return counted?.['rows'] as number;
  }

  /** The transactions of one more client, on a connection of its own. */
  client(): OutboxCalls {
    return new Transactions(this.#connectionString);
  }

  async #query(text: string): Promise<readonly Record<string, unknown>[]> {
    const connection = await Connection.open(this.#connectionString());
    try {
      return (await connection.client.query(text)).rows;
    } finally {
      connection.close();
    }
  }
}

class Transactions implements OutboxCalls {
  readonly #connectionString: () => string;
  #connection: Connection | undefined;

  constructor(connectionString: () => string) {
    this.#connectionString = connectionString;
  }

  async run({ calls, pauseMs, rollsBack }: Transaction): Promise<void> {
    let outcome: 'not-done' | 'unknown' = 'not-done';
    try {
      this.#connection ??= await Connection.open(this.#connectionString());
      const { client } = this.#connection;
      await client.query('BEGIN');
      for (const items of calls) {
        await enqueue(
          client,
          QUEUE,
          items.map((payload) => ({ payload })),
        );
        if (pauseMs >= 1) await delay(pauseMs);
      }
      if (!rollsBack) outcome = 'unknown';
      await client.query(rollsBack ? 'ROLLBACK' : 'COMMIT');
    } catch (error) {
      this.close();
      throw new CallFailed(outcome, error instanceof Error ? error.message : String(error), error);
    }
    if (rollsBack) throw new CallFailed('not-done', 'rolled back');
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }
}

/** A connection that can be closed without the consent of its server. */
class Connection {
  readonly client: pg.Client;
  readonly #socket = new Socket();

  private constructor(connectionString: string) {
    this.client = new pg.Client({
      ...{ connectionString, application_name: 'histories', stream: () => this.#socket },
      ...{ connectionTimeoutMillis: ANSWER_MS, query_timeout: ANSWER_MS },
    });
    // Whoever uses the connection gets the error too.
    this.client.on('error', () => {});
  }

  /** @throws Error if the server does not take it in time. */
  static async open(connectionString: string): Promise<Connection> {
    const connection = new Connection(connectionString);
    try {
      await connection.client.connect();
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
