import pg from 'pg';

/** The part of a connection of `pg` that sends messages of the extended protocol. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  parse(message: { readonly text: string }): void;
  bind(message: object): void;
  execute(message: object): void;
}

/** The part of a query of `pg` that its client calls. */
interface WireQuery {
  submit(connection: Wire): Error | null;
  handleCommandComplete(message: unknown, connection: Wire): void;
}

type Client = Pick<pg.Client, 'query'>;

/**
 * Runs a statement in a transaction of its own in which settings were made
 * before, with the round trip of the statement alone.
 *
 * Both go out with one Sync behind them. To the server that is one
 * transaction, which it commits at the Sync, or rolls back as a whole; and a
 * pooler must not hand the session to somebody else before it. The second is
 * parsed and planned when the first has been carried out.
 *
 * @param settings a statement without parameters that gives no row.
 */
export function queryWithSettings(
  client: Client,
  settings: string,
  config: pg.QueryConfig,
): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    const query = new pg.Query({ ...config, queryMode: 'extended' } as pg.QueryConfig, (error, result) =>
      // Ready for the next: only then has the server committed.
      error ? reject(error) : resolve(result as unknown as pg.QueryResult),
    );
    client.query(behind(settings, query as unknown as WireQuery) as unknown as pg.Query);
  });
}

function behind(settings: string, query: WireQuery): WireQuery {
  const own = { submit: query.submit, handleCommandComplete: query.handleCommandComplete };
  let settled = false;
  return Object.assign(query, {
    submit(connection: Wire): Error | null {
      connection.stream.cork();
      try {
        connection.parse({ text: settings });
        connection.bind({});
        connection.execute({});
        return own.submit.call(query, connection);
      } finally {
        connection.stream.uncork();
      }
    },
    handleCommandComplete(message: unknown, connection: Wire): void {
      if (settled) own.handleCommandComplete.call(query, message, connection);
      settled = true;
    },
  });
}
