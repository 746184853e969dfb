import { bindMessage, type Parameter } from './bind-message.ts';

/** The part of a connection of `pg` that sends messages, and knows which statements the session has prepared. */
export interface PreparingWire {
  readonly stream: {
    readonly writable: boolean;
    cork(): void;
    uncork(): void;
    write(bytes: Buffer): boolean;
  };
  readonly parsedStatements: Record<string, string>;
  readonly submittedNamedStatements: Record<string, string>;
  parse(message: { readonly name: string; readonly text: string }): void;
}

/** What a prepared statement is sent with. */
export interface PreparedQueryConfig {
  readonly name: string;
  readonly text: string;
  readonly values: readonly Parameter[];
}

/** Told when the answer of the server is there, or that there will be none. */
export type Answered = (error: Error | null) => void;

/**
 * A prepared statement whose rows nobody wants from `pg`: the client sends it
 * in its turn as it would a query of its own, which is what it offers to
 * cursors and the like.
 *
 * A query of `pg`'s makes four messages, a piece each, and has the columns
 * described every time. Here all leaves in one piece, without a description
 * that whoever reads the rows does not need; that takes little more than half
 * of the time.
 */
export class PreparedQuery {
  /** By these the client remembers what the session has prepared. */
  readonly name: string;
  readonly text: string;
  readonly #values: readonly Parameter[];
  readonly #begun: () => void;
  readonly #answered: Answered;

  /** @param begun is told when the statement is sent: from then on, rows that come are its own. */
  constructor(
    { name, text, values }: PreparedQueryConfig,
    { begun, answered }: { readonly begun: () => void; readonly answered: Answered },
  ) {
    this.name = name;
    this.text = text;
    this.#values = values;
    this.#begun = begun;
    this.#answered = answered;
  }

  /** Called by the client when it is this statement's turn. */
  submit(connection: PreparingWire): void {
    this.#begun();
    const { stream, parsedStatements, submittedNamedStatements } = connection;
    const { name, text } = this;
    if (parsedStatements[name] !== undefined) {
      this.#send(stream);
      return;
    }
    stream.cork();
    try {
      connection.parse({ name, text });
      submittedNamedStatements[name] = text;
      this.#send(stream);
    } finally {
      stream.uncork();
    }
  }

  /** A connection that is gone tells so itself. */
  #send(stream: PreparingWire['stream']): void {
    if (stream.writable) stream.write(bindMessage(this.name, this.#values));
  }

  /** Called by the client when all has been answered, and the server has committed. */
  handleReadyForQuery(): void {
    this.#answered(null);
  }

  /** Called by the client when the server refused the statement, or the connection is gone. */
  handleError(error: Error): void {
    this.#answered(error);
  }

  /** Called by the client behind the rows. */
  handleCommandComplete(): void {}

  /** Called by the client where the statement was empty. */
  handleEmptyQuery(): void {}
}
