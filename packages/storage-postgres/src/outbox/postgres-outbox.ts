import {
  type Clock,
  guardedLogger,
  type ListedOutboxQueue,
  type Logger,
  millisecondsBetween,
  type Outbox,
  type OutboxBatch,
  type OutboxFault,
  type OutboxQueue,
  type OutboxRows,
  type Random,
  type RelayName,
  type RowLimits,
  StorageError,
  silentLogger,
} from '@querator/core';
import pg from 'pg';
import { Database, type Statement } from '../database/database.ts';
import { TableCalls } from '../database/table-calls.ts';
import { TableSchema } from '../database/table-schema.ts';
import { isStatementTimeout } from '../errors/postgres-error.ts';
import type { PoolRegistry } from '../pool/pool-registry.ts';
import { DEFAULT_TIME_LIMITS } from '../settings/time-limits.ts';
import { textArray } from '../wire/binary-array.ts';
import { type Marked, type OutboxCheck, OutboxMarks } from './outbox-marks.ts';
import { type ReadRow, readRow } from './outbox-rows.ts';
import { outboxSql, WITHOUT_WAITING } from './outbox-sql.ts';

/** Options of an outbox. */
export interface PostgresOutboxOptions {
  readonly connectionString: string;
  /** The schema that `querator outbox sql` has made. */
  readonly schema: string;
  /** Shared by everything in the process that uses PostgreSQL. */
  readonly registry: PoolRegistry;
  readonly random: Random;
  readonly logger?: Logger | undefined;
  /** Says when the low-water marks are checked, for tests. Default: the clock of the registry. */
  readonly clock?: Clock | undefined;
}

/** The version of the tables that this code knows. */
const VERSION = 1;

const NOTHING: OutboxCheck = { writers: [], firsts: [] };

type Texts = ReturnType<typeof outboxSql>;

interface ListedRow {
  readonly queue: string;
  readonly rows: number;
  readonly oldestMs: number;
  readonly rowId: string | null;
  readonly code: string;
  readonly reason: string;
  readonly tries: number;
  readonly retryInMs: number;
}

/**
 * An outbox on PostgreSQL. Connects at the first call.
 *
 * @throws Error when the connection string is malformed.
 */
export function postgresOutbox(options: PostgresOutboxOptions): Outbox {
  return new PostgresOutbox(options);
}

class PostgresOutbox implements Outbox {
  readonly name: string;
  readonly schema: string;
  readonly #db: Database;
  readonly #calls: TableCalls;
  readonly #texts: Texts;
  readonly #clock: Clock;
  readonly #marks: OutboxMarks;

  constructor(options: PostgresOutboxOptions) {
    const { connectionString, schema, registry, random, logger = silentLogger, clock } = options;
    const limits = DEFAULT_TIME_LIMITS;
    const share = registry.share(connectionString, { limits });
    this.schema = schema;
    this.name = `${share.pool.state.target}.${schema}`;
    const deps = { share, limits, random, logger: guardedLogger(logger), schema: new TableSchema() };
    this.#db = new Database({ name: this.name, ...deps });
    this.#calls = new TableCalls(this.name, () => share.release());
    this.#texts = outboxSql(pg.escapeIdentifier(schema));
    this.#clock = clock ?? this.#db.clock;
    this.#marks = new OutboxMarks(this.#clock);
  }

  async hold({ token, server }: RelayName): Promise<boolean> {
    const statement = { ...this.#statement('hold', [token, server]), before: WITHOUT_WAITING };
    const [held] = await this.#write<{ readonly version: number }>(statement);
    if (held === undefined) return false;
    if (held.version === VERSION) return true;
    await this.release(token);
    throw new StorageError(
      `outbox '${this.name}': its tables have version ${held.version}, and this server knows ${VERSION}`,
      { outcome: 'not-applied' },
    );
  }

  async release(token: string): Promise<void> {
    await this.#write(this.#statement('release', [token]));
  }

  async queues(after: string, limit: number): Promise<readonly OutboxQueue[]> {
    const [marks, startedAt] = [this.#marks, this.#clock.now()];
    const { marked } = marks;
    const found = await this.#read<OutboxQueue>(
      marked === undefined
        ? this.#statement('queues', [after, limit])
        : this.#statement('queuesFromMarks', [after, limit, textArray(marked.queues), marked.marks]),
    );
    await marks.advance(millisecondsBetween(startedAt, this.#clock.now()), async (from) => {
      const values = [textArray(from.queues), from.marks];
      const [check] = await this.#read<OutboxCheck>(this.#statement('check', values));
      return check ?? NOTHING;
    });
    // It passes the dead entries, for which no poll should wait. A mark is right whether or not it works.
    void marks.lookBelow((below) => this.#queuesBelow(below)).catch(() => undefined);
    return found;
  }

  async rows(queue: string, { rows, bytes }: RowLimits): Promise<OutboxRows> {
    const values = [queue, rows, bytes, this.#marks.startOf(queue)];
    const found = rowsOf(await this.#read<ReadRow>({ ...this.#statement('rows', values), read: readRow }));
    this.#marks.read(
      queue,
      found.rows.map(({ id }) => id),
    );
    return found;
  }

  async batch(queue: string, token: string): Promise<(OutboxBatch & Pick<OutboxRows, 'rows'>) | undefined> {
    const [batch] = await this.#read<Omit<OutboxBatch, 'queue'>>(this.#statement('batch', [queue, token]));
    if (batch === undefined) return undefined;
    const statement = { ...this.#statement('rowsOfBatch', [queue, arrayOf(batch.ids)]), read: readRow };
    return { queue, ...batch, rows: rowsOf(await this.#read<ReadRow>(statement)).rows };
  }

  async beginBatch(
    queue: string,
    {
      ids,
      drops,
      token,
    }: { readonly ids: readonly string[]; readonly drops: number; readonly token: string },
  ): Promise<OutboxBatch | undefined> {
    const statement = this.#statement('beginBatch', [token, queue, arrayOf(ids), drops]);
    const [begun] = await this.#write<Pick<OutboxBatch, 'dedupKey'>>(statement);
    return begun && { queue, ids, dedupKey: begun.dedupKey, isOwn: true, isOld: false };
  }

  async endBatch({ queue, dedupKey, ids }: Pick<OutboxBatch, 'queue' | 'dedupKey' | 'ids'>): Promise<number> {
    const statement = this.#statement('endBatch', [queue, dedupKey, arrayOf(ids)]);
    const [ended] = await this.#write<{ readonly oldestMs: number | null }>(statement);
    return ended?.oldestMs ?? 0;
  }

  async fail(fault: OutboxFault, token: string): Promise<number> {
    const { queue, rowId, code, reason, retryAfterMs, endedBatch = null } = fault;
    const values = [token, queue, rowId, code, reason, retryAfterMs, endedBatch];
    const [failed] = await this.#write<{ readonly tries: number }>(this.#statement('fail', values));
    return failed?.tries ?? 0;
  }

  async list(after: string): Promise<readonly ListedOutboxQueue[]> {
    const rows = await this.#read<ListedRow>(this.#statement('list', [after]));
    return rows.map(({ queue, rows: count, oldestMs, rowId, ...fault }) => ({
      ...{ queue, rows: count, oldestMs },
      ...(rowId === null ? {} : { fault: { rowId, ...fault } }),
    }));
  }

  async retry(queue: string): Promise<boolean> {
    return (await this.#write(this.#statement('retry', [queue]))).length > 0;
  }

  drop(
    queue: string,
    id: string | undefined,
  ): Promise<{ readonly dropped: number; readonly inBatch: number }> {
    return this.#calls.track(() =>
      this.#db.transaction(async (session) => {
        // Waits for batches that are being begun, and makes those invalid whose rows were read before.
        await session.query(this.#statement('beginDrop', []));
        type Dropped = { readonly dropped: number; readonly inBatch: number };
        const [result] = await session.query<Dropped>(this.#statement('drop', [queue, id ?? null]));
        return result ?? { dropped: 0, inBatch: 0 };
      }),
    );
  }

  close(): Promise<void> {
    return this.#calls.close();
  }

  async #queuesBelow({ queues, marks }: Marked): Promise<readonly string[]> {
    const statement = this.#statement('below', [textArray(queues), marks]);
    return (await this.#read<{ readonly queue: string }>(statement)).map(({ queue }) => queue);
  }

  #statement(operation: keyof Texts, values: readonly unknown[]): Statement {
    return { name: `outbox_${operation}_${this.schema}`, text: this.#texts[operation], values };
  }

  #read<Row>(statement: Statement): Promise<readonly Row[]> {
    return this.#watch(() => this.#db.read<Row>(statement));
  }

  #write<Row>(statement: Statement): Promise<readonly Row[]> {
    return this.#watch(() => this.#db.write<Row>(statement));
  }

  /** A database that failed may be another one afterwards: its standby. */
  async #watch<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#calls.track(call);
    } catch (error) {
      if (!isStatementTimeout(error)) this.#marks.forget();
      throw error;
    }
  }
}

function rowsOf(read: readonly ReadRow[]): OutboxRows {
  return { rows: read.map(({ row }) => row), drops: read[0]?.drops ?? 0 };
}

/** An array of numbers as PostgreSQL writes it. */
function arrayOf(ids: readonly string[]): string {
  return `{${ids.join(',')}}`;
}
