import pg from 'pg';
import type { BinaryRow } from './binary-row.ts';
import { areParameters } from './bind-message.ts';
import { ProtocolError } from './message-limits.ts';
import { PreparedQuery } from './prepared-query.ts';
import type { RowStream } from './row-stream.ts';

/** The part of a connection of `pg` that sends messages of the extended protocol. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  readonly parsedStatements: Record<string, string>;
  readonly submittedNamedStatements: Record<string, string>;
  close(message: { readonly type: 'S'; readonly name: string }): void;
  parse(message: { readonly text: string }): void;
  bind(message: object): void;
  execute(message: object): void;
}

/** A statement that a client of `pg` sends in its turn. */
interface Submittable {
  submit(connection: Wire): Error | null;
}

/** The part of a query of `pg` that its client calls. */
interface WireQuery extends Submittable {
  handleCommandComplete(message: unknown, connection: Wire): void;
}

type Client = Pick<pg.Client, 'query'>;

/** What `pg` alone cannot do with a statement. */
export interface SendOptions {
  /**
   * Statements without parameters that return no row, such as settings. They run
   * first, in the same transaction.
   */
  readonly before?: readonly string[] | undefined;
  /** The name of a prepared statement to close before this one runs. */
  readonly forgotten?: string | undefined;
  /** Reads each row as it arrives, in the binary format. */
  readonly read?: ((row: BinaryRow) => unknown) | undefined;
}

/**
 * Runs a statement.
 *
 * All statements are sent with one Sync at the end, and take one round trip together.
 * To the server they are one transaction, which it commits or rolls back at the Sync.
 * A pooler must not give the session to another client before the Sync. Each statement
 * is parsed, planned and given its snapshot after the previous one has run.
 *
 * @param rowStream the one that stands before `client`.
 * @returns the rows, once the server is ready for the next statement: only then has it
 *   committed.
 */
export function sendQuery(
  { client, rowStream }: { readonly client: Client; readonly rowStream: RowStream },
  config: pg.QueryConfig,
  { before = [], read, forgotten }: SendOptions,
): Promise<readonly unknown[]> {
  return new Promise((resolve, reject) => {
    const reader = read === undefined ? undefined : new RowReader(rowStream, read);
    const answered = (error: Error | null, rows: readonly unknown[] = []) => {
      reader?.end();
      const failure = error ?? reader?.failure;
      if (failure) reject(failure);
      else resolve(reader?.rows ?? rows);
    };
    const { name, text, values = [] } = config;
    if (reader !== undefined && before.length === 0 && name !== undefined && areParameters(values)) {
      const begun = () => reader.begin();
      const query = new PreparedQuery({ name, text, values }, { begun, answered });
      if (forgotten !== undefined) putBehindClose(forgotten, query as unknown as Submittable);
      client.query(query);
      return;
    }
    const query = new pg.Query(withProtocol(config, before.length > 0, read), (error, result) =>
      answered(error ?? null, result?.rows),
    ) as unknown as WireQuery;
    if (reader !== undefined) readBy(reader, query);
    if (before.length > 0) putBehind(before, query);
    if (forgotten !== undefined) putBehindClose(forgotten, query);
    client.query(query as unknown as pg.Query);
  });
}

/**
 * Without parameters `pg` uses the simple protocol, in which no statement can go first
 * and rows are texts.
 */
function withProtocol(config: pg.QueryConfig, isBehind: boolean, read: SendOptions['read']): pg.QueryConfig {
  if (!isBehind && read === undefined) return config;
  const protocol = { queryMode: 'extended', binary: read !== undefined };
  return { ...config, ...protocol };
}

/** Collects the rows of a statement. */
class RowReader {
  readonly rows: unknown[] = [];
  /** Why a row could not be read. */
  failure: Error | undefined;
  readonly #rowStream: RowStream;
  readonly #read: (row: BinaryRow) => unknown;

  constructor(rowStream: RowStream, read: (row: BinaryRow) => unknown) {
    this.#rowStream = rowStream;
    this.#read = read;
  }

  begin(): void {
    this.#rowStream.take = (row) => this.#take(row);
  }

  end(): void {
    this.#rowStream.take = undefined;
  }

  /**
   * Reads the answer to its end, even if reading a row fails.
   *
   * @throws ProtocolError when a row does not match the statement. That ends the
   *   connection.
   */
  #take(row: BinaryRow): void {
    if (this.failure !== undefined) return;
    try {
      this.rows.push(this.#read(row));
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      this.failure = new Error('a row could not be read', { cause: error });
    }
  }
}

function readBy(reader: RowReader, query: WireQuery): void {
  const { submit } = query;
  query.submit = (connection) => {
    reader.begin();
    return submit.call(query, connection);
  };
}

/**
 * Uses a protocol message and not DEALLOCATE, which poolers that keep prepared
 * statements for their clients do not understand. It takes no round trip, and closing
 * a statement that does not exist is no error.
 */
function putBehindClose(name: string, query: Submittable): void {
  const { submit } = query;
  query.submit = (connection) => {
    connection.stream.cork();
    try {
      connection.close({ type: 'S', name });
      delete connection.parsedStatements[name];
      delete connection.submittedNamedStatements[name];
      return submit.call(query, connection);
    } finally {
      connection.stream.uncork();
    }
  };
}

function putBehind(before: readonly string[], query: WireQuery): void {
  const { submit, handleCommandComplete } = query;
  let completed = 0;
  query.submit = (connection) => {
    connection.stream.cork();
    try {
      for (const text of before) {
        connection.parse({ text });
        connection.bind({});
        connection.execute({});
      }
      return submit.call(query, connection);
    } finally {
      connection.stream.uncork();
    }
  };
  query.handleCommandComplete = (message, connection) => {
    if (completed++ >= before.length) handleCommandComplete.call(query, message, connection);
  };
}
