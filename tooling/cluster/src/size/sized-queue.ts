import type { StorageBackend } from '@querator/core';
import { itemsTableName } from '@querator/storage-postgres';
import { ServerProcess } from '@querator/tooling-processes';
import pg from 'pg';
import { openBackend } from '../backend.ts';
import { BatchClient } from '../batch-client.ts';

const QUEUE = 'sized';
const KEY = { queue: QUEUE, partition: 0 };
const TABLE = itemsTableName(KEY);
/** Items in each request. */
const BATCH = 100;
const PAYLOAD_BYTES = 10;
/** The positions of one statement. */
const ROWS_PER_STATEMENT = 100_000;

const FILL = `
  INSERT INTO ${TABLE} (id, expire_deadline, created_at, payload)
  SELECT '0' || lpad(to_hex((number << 17) + position - 1), 16, '0') || substr(md5(position::text), 1, 10),
    now() + interval '1 day', now(), '\\x61'
  FROM (SELECT nextval('querator_item_id') AS number OFFSET 0) AS taken, generate_series(1, $1::int) AS position`;

/** A queue with one partition of any size, in its own database. */
export class SizedQueue {
  readonly #connectionString: string;
  readonly #admin: pg.Client;
  readonly #holder: pg.Client;
  #backend: StorageBackend | undefined;
  #client: BatchClient | undefined;

  private constructor(connectionString: string) {
    this.#connectionString = connectionString;
    this.#admin = new pg.Client(connectionString);
    this.#holder = new pg.Client(connectionString);
  }

  /** Creates the queue with `waiting` items. */
  static async make(connectionString: string, waiting: number): Promise<SizedQueue> {
    const queue = new SizedQueue(connectionString);
    for (const client of [queue.#admin, queue.#holder]) {
      client.on('error', () => {});
      await client.connect();
    }
    await queue.#onServer(async (server) => {
      await server.createQueue(QUEUE, { lease_timeout: '1h' });
      const items = [{ utf8: 'first' }];
      await server.ask('queue.produce', { queue_name: QUEUE, request_timeout: '9s', items });
    });
    await queue.#fill(waiting);
    return queue;
  }

  /** Makes `requests` produces, leases and completes. @returns milliseconds of each produce and lease. */
  async work(
    requests: number,
  ): Promise<{ readonly produce: readonly number[]; readonly lease: readonly number[] }> {
    const client = this.#open();
    const produce = [];
    for (let n = 0; n < requests; n++) produce.push(await client.produce());
    const leases = [];
    for (let n = 0; n < requests; n++) leases.push(await client.lease());
    for (const each of leases) await client.complete(each);
    return { produce, lease: leases.map(({ tookMs }) => tookMs) };
  }

  /** Opens a transaction that stays open, and then deletes all items. */
  async killAllBehindTransaction(): Promise<void> {
    await this.#holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await this.#holder.query('SELECT txid_current(), count(*) FROM pg_class');
    await this.#admin.query(
      `UPDATE ${TABLE} SET is_leased = true, lease_deadline = now() + interval '1 hour'`,
    );
    await this.#admin.query(`DELETE FROM ${TABLE}`);
  }

  /** Produces one batch that waits. */
  async add(): Promise<void> {
    await this.#open().produce();
  }

  /** Removes the low-water marks that servers have saved. */
  async forgetMarks(): Promise<void> {
    await this.#admin.query('DROP TABLE IF EXISTS querator_marks');
  }

  /** Starts a server and leases from it. @returns milliseconds of its first lease. */
  async firstLeaseOfServer(): Promise<number> {
    await this.#close();
    let tookMs = Number.NaN;
    await this.#onServer(async (server) => {
      const request = { queue_name: QUEUE, client_id: 'c', batch_size: 1, request_timeout: '60s' };
      tookMs = await timed(() => server.ask('queue.lease', request));
    });
    return tookMs;
  }

  async end(): Promise<void> {
    await this.#close();
    await this.#holder.end();
    await this.#admin.end();
  }

  #open(): BatchClient {
    this.#backend ??= openBackend(this.#connectionString);
    this.#client ??= new BatchClient(this.#backend.partitionStore(KEY), BATCH, PAYLOAD_BYTES);
    return this.#client;
  }

  async #close(): Promise<void> {
    await this.#backend?.close();
    this.#backend = undefined;
    this.#client = undefined;
  }

  /** Creates the indexes after the rows, which takes half of the time. */
  async #fill(rows: number): Promise<void> {
    const { rows: indexes } = await this.#admin.query<{ name: string; definition: string }>(
      `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
       FROM pg_index WHERE indrelid = '${TABLE}'::regclass AND NOT indisprimary`,
    );
    for (const { name } of indexes) await this.#admin.query(`DROP INDEX ${name}`);
    for (let done = 0; done < rows; done += ROWS_PER_STATEMENT) {
      await this.#admin.query(FILL, [Math.min(ROWS_PER_STATEMENT, rows - done)]);
    }
    for (const { definition } of indexes) await this.#admin.query(definition);
    await this.#admin.query(`VACUUM ANALYZE ${TABLE}`);
    await this.#admin.query('CHECKPOINT');
  }

  async #onServer(work: (server: ServerProcess) => Promise<void>): Promise<void> {
    const server = await ServerProcess.start({ storage: this.#connectionString });
    try {
      await work(server);
    } finally {
      await server.stop();
    }
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return performance.now() - before;
}
