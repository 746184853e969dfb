import type { Instant } from '@querator/core';
import { fromTimestamp, parseTimestamp } from '@querator/protocol';
import pg from 'pg';
import { ForeignSystemFault } from './foreign-system.ts';

/** Rows that are read at once. */
const ROWS = 500;

/** A row as JSON. */
export type Row = Readonly<Record<string, unknown>>;

/** The tables of a system on PostgreSQL, as they are at one moment. */
export class PostgresJobs {
  readonly #client: pg.Client;
  /** The quoted name of the schema, with a dot. */
  readonly schema: string;
  /** The moment, by the clock of the database. */
  readonly now: Instant;

  private constructor(client: pg.Client, schema: string, now: Instant) {
    this.#client = client;
    this.schema = schema;
    this.now = now;
  }

  /**
   * Connects, and begins a transaction that only reads.
   *
   * @param address a connection string, in which `schema` may name another schema.
   * @param table one that the system has.
   * @throws ForeignSystemFault if the schema does not have the table.
   */
  static async open(address: string, schema: string, table: string): Promise<PostgresJobs> {
    const url = new URL(address);
    const name = url.searchParams.get('schema') ?? schema;
    url.searchParams.delete('schema');
    const client = new pg.Client({ connectionString: url.href, application_name: 'querator migrate' });
    // A connection that breaks fails the next query too.
    client.on('error', () => {});
    await client.connect();
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const quoted = pg.escapeIdentifier(name);
      const { rows } = await client.query<{ at: string; found: string | null }>(
        'SELECT to_jsonb(now())::text AS at, to_regclass($1)::text AS found',
        [`${quoted}.${pg.escapeIdentifier(table)}`],
      );
      const [row] = rows;
      if (row?.found == null) throw new ForeignSystemFault(`schema '${name}' has no table '${table}'`);
      return new PostgresJobs(client, `${quoted}.`, instantOf(JSON.parse(row.at)) as Instant);
    } catch (error) {
      await client.end();
      throw error;
    }
  }

  /** All rows of a query that returns few. */
  async rows<T extends pg.QueryResultRow>(
    sql: string,
    values: readonly unknown[] = [],
  ): Promise<readonly T[]> {
    return (await this.#client.query<T>(sql, [...values])).rows;
  }

  /** The rows of a query, some at a time. One after the other: a second query ends the first. */
  async *pages<T extends pg.QueryResultRow>(
    sql: string,
    values: readonly unknown[],
  ): AsyncGenerator<readonly T[]> {
    await this.#client.query('CLOSE ALL');
    await this.#client.query(`DECLARE jobs NO SCROLL CURSOR FOR ${sql}`, [...values]);
    for (;;) {
      const rows = await this.rows<T>(`FETCH ${ROWS} FROM jobs`);
      if (rows.length === 0) return;
      yield rows;
    }
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}

/** A timestamp in a row. Undefined: it is null. */
export function instantOf(value: unknown): Instant | undefined {
  if (typeof value !== 'string') return undefined;
  const timestamp = parseTimestamp(value);
  if (timestamp === undefined) throw new ForeignSystemFault(`'${value}' is not a time that an item can have`);
  return fromTimestamp(timestamp);
}

/** A number in a row. 0: it is null. */
export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

/** A text in a row. Empty: it is null. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
