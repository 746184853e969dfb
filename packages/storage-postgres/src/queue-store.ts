import {
  type Clock,
  type Instant,
  invalid,
  type NewQueue,
  type Queue,
  type QueueListRequest,
  type QueueStamp,
  type QueueStore,
} from '@querator/core';
import type { Database } from './database.ts';
import { instantFromText, instantToText } from './instant-text.ts';
import { nowSql } from './partition-table.ts';
import { ALREADY_THERE, PostgresError } from './postgres-error.ts';
import { QUEUE_COLUMNS, type QueueRow, queueToValues, rowToQueue } from './row-to-queue.ts';
import { QUEUE_HASH } from './schema/queues.ts';
import type { SchemaKeeper } from './schema-keeper.ts';
import type { StoreCalls, TableCare } from './store-calls.ts';

const ALL = QUEUE_COLUMNS.join(', ');

const INSERT = `
  INSERT INTO querator_queues (${ALL}, created_at, updated_at)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, ${nowSql('$10')}, ${nowSql('$10')}
  RETURNING ${ALL}, created_at, updated_at`;

const STAMPS = {
  name: 'queue_stamps',
  text: 'SELECT name, created_at, updated_at FROM querator_queues WHERE name = ANY ($1::text[])',
};

const UPDATE = `
  UPDATE querator_queues SET lease_timeout_ns = $2, expire_timeout_ns = $3, dead_queue = $4,
    max_attempts = $5, reference = $6, requested_partitions = $7, updated_at = ${nowSql('$8')}
  WHERE name = $1
  RETURNING ${ALL}, created_at, updated_at`;

/** Queues in the table `querator_queues`; see core's `QueueStore` for the contract. */
export class PostgresQueueStore implements QueueStore {
  readonly #db: Database;
  readonly #tables: TableCare;
  readonly #calls: StoreCalls;
  readonly #clock: Clock | undefined;

  constructor(deps: {
    readonly db: Database;
    readonly schema: SchemaKeeper;
    readonly calls: StoreCalls;
    readonly clock: Clock | undefined;
  }) {
    this.#db = deps.db;
    this.#tables = deps.schema.fixed;
    this.#calls = deps.calls;
    this.#clock = deps.clock;
  }

  async create(queue: NewQueue): Promise<Queue> {
    const values = [...queueToValues(queue), this.#now()];
    try {
      const rows = await this.#run(() => this.#db.write<QueueRow>({ text: INSERT, values }));
      return rowToQueue(rows[0] as QueueRow);
    } catch (error) {
      if (!(error instanceof PostgresError && error.sqlState === ALREADY_THERE)) throw error;
      throw await this.#nameTaken(queue.name);
    }
  }

  async get(name: string): Promise<Queue | undefined> {
    const text = `SELECT * FROM querator_queues WHERE name = $1`;
    const [row] = await this.#run(() => this.#db.read<QueueRow>({ text, values: [name] }));
    return row && rowToQueue(row);
  }

  async stamps(names: readonly string[]): Promise<ReadonlyMap<string, QueueStamp>> {
    const rows = await this.#run(() =>
      this.#db.read<Pick<QueueRow, 'name' | 'created_at' | 'updated_at'>>({ ...STAMPS, values: [names] }),
    );
    const stampOf = (row: (typeof rows)[number]): QueueStamp => ({
      createdAt: instantFromText(row.created_at),
      updatedAt: instantFromText(row.updated_at),
    });
    return new Map(rows.map((row) => [row.name, stampOf(row)]));
  }

  async list(request: QueueListRequest): Promise<readonly Queue[]> {
    const text = `SELECT * FROM querator_queues WHERE namespace = $1 AND name >= $2 ORDER BY name LIMIT $3`;
    const values = [request.namespace, request.pivot, request.limit];
    return (await this.#run(() => this.#db.read<QueueRow>({ text, values }))).map(rowToQueue);
  }

  update(name: string, change: (stored: Queue) => NewQueue): Promise<Queue | undefined> {
    return this.#run(() =>
      this.#db.transaction(async (session) => {
        const text = `SELECT * FROM querator_queues WHERE name = $1 FOR UPDATE`;
        const [stored] = await session.query<QueueRow>({ text, values: [name] });
        if (stored === undefined) return undefined;
        const wanted = change(rowToQueue(stored));
        const values = [
          ...[name, wanted.leaseTimeout, wanted.expireTimeout, wanted.deadQueue, wanted.maxAttempts],
          ...[wanted.reference, wanted.requestedPartitions, this.#now()],
        ];
        const [updated] = await session.query<QueueRow>({ text: UPDATE, values });
        return updated && rowToQueue(updated);
      }),
    );
  }

  async delete(name: string, createdAt?: Instant): Promise<boolean> {
    const text = `DELETE FROM querator_queues
      WHERE name = $1 AND ($2::timestamptz IS NULL OR created_at = $2::timestamptz) RETURNING 1`;
    const values = [name, createdAt === undefined ? null : instantToText(createdAt)];
    return (await this.#run(() => this.#db.write({ text, values }))).length > 0;
  }

  async findByDeadQueue(name: string): Promise<string | undefined> {
    // An empty name means "no dead-letter queue", not a queue of that name.
    const text = `
      SELECT name FROM querator_queues WHERE dead_queue = $1 AND dead_queue <> '' ORDER BY name LIMIT 1`;
    const [row] = await this.#run(() => this.#db.read<{ name: string }>({ text, values: [name] }));
    return row?.name;
  }

  /** Which queue it was that stood in the way: mostly the one of that very name. */
  async #nameTaken(name: string): Promise<Error> {
    const text = `SELECT name FROM querator_queues WHERE ${QUEUE_HASH} = left(md5($1), 12)`;
    const [row] = await this.#run(() => this.#db.read<{ name: string }>({ text, values: [name] }));
    if (row === undefined || row.name === name) return invalid(`invalid queue; '${name}' already exists`);
    return invalid(
      `invalid queue; '${name}' cannot be stored beside '${row.name}', as their tables would have the same name`,
    );
  }

  #now(): string | null {
    return this.#clock === undefined ? null : instantToText(this.#clock.now());
  }

  #run<T>(operation: () => Promise<T>): Promise<T> {
    return this.#calls.run(this.#tables, operation);
  }
}
