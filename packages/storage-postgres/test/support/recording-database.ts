import { SystemClock } from '@querator/core';
import type pg from 'pg';
import type { Database, Session, Statement } from '../../src/database/database.ts';
import { TableSchema } from '../../src/database/table-schema.ts';

/** Replaces a database: records what operations send, and sends it on. */
export class RecordingDatabase {
  readonly statements: Statement[] = [];
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /** The database for operations. */
  asDatabase(): Database {
    const session: Session = { query: (statement) => this.#send(statement) };
    const transaction = <T>(work: (session: Session) => Promise<T>) => work(session);
    const schema = new TableSchema();
    schema.determine('public');
    const stand = {
      name: 'recorded',
      clock: new SystemClock(),
      schema,
      read: session.query,
      write: session.query,
      transaction,
      maintenance: transaction,
    };
    return stand as unknown as Database;
  }

  async #send<Row>({ name, text, values, before }: Statement): Promise<readonly Row[]> {
    this.statements.push({ name, text, values });
    if (before !== undefined) await this.#client.query(before);
    const { rows } = await this.#client.query(text, values as unknown[]);
    return rows as Row[];
  }
}
