import { bindMessage, type Parameter } from './bind-message.ts';

/** The part of a connection of `pg` that sends messages and knows the session's prepared statements. */
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

/** A prepared statement and its parameters. */
export interface PreparedQueryConfig {
  readonly name: string;
  readonly text: string;
  readonly values: readonly Parameter[];
}

/** Called when the statement is answered, or when there will be no answer. */
export type Answered = (error: Error | null) => void;

/**
 * A prepared statement whose rows `pg` need not read. It uses the interface that `pg`
 * offers for cursors. The client submits it in its turn, like a query of its own.
 *
 * A query of `pg` sends four separate messages, and asks for a description of the
 * columns each time. This sends one piece without a description, which takes little
 * more than half of the time.
 */
export class PreparedQuery {
  /** The client uses these to remember which statements the session has prepared. */
  readonly name: string;
  readonly text: string;
  readonly #values: readonly Parameter[];
  readonly #begun: () => void;
  readonly #answered: Answered;

  /** @param begun called when the statement is sent. Rows that come after that belong to it. */
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

  /** If the connection is gone, it reports that itself. */
  #send(stream: PreparingWire['stream']): void {
    if (stream.writable) stream.write(bindMessage(this.name, this.#values));
  }

  /** Called by the client when everything is answered and the server has committed. */
  handleReadyForQuery(): void {
    this.#answered(null);
  }

  /** Called by the client when the server refused the statement, or the connection is gone. */
  handleError(error: Error): void {
    this.#answered(error);
  }

  /** Called by the client after the rows. */
  handleCommandComplete(): void {}

  /** Called by the client if the statement was empty. */
  handleEmptyQuery(): void {}
}
