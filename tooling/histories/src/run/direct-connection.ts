import { Socket } from 'node:net';
import pg from 'pg';

/** A server that is frozen answers nothing. */
const ANSWER_MS = 5_000;

/** A connection to a database that bypasses the links of servers. It can be closed without the consent of its server. */
export class DirectConnection {
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
  static async open(connectionString: string): Promise<DirectConnection> {
    const connection = new DirectConnection(connectionString);
    try {
      await connection.client.connect();
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Runs one statement on a connection of its own. @returns its rows. */
  static async query(
    connectionString: string,
    text: string,
    values: readonly unknown[] = [],
  ): Promise<readonly Record<string, unknown>[]> {
    const connection = await DirectConnection.open(connectionString);
    try {
      // Without values, so that the text may have several statements.
      const { client } = connection;
      const { rows } = await (values.length === 0 ? client.query(text) : client.query(text, [...values]));
      return rows;
    } finally {
      connection.close();
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
