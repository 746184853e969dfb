import {
  milliseconds,
  type PartitionStore,
  type StorageBackend,
  SystemClock,
  SystemRandom,
  silentLogger,
} from '@querator/core';
import { parseConfig, startServer } from '@querator/server';
import { itemsTableName, PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import pg from 'pg';

const QUEUE = 'sized';
const KEY = { queue: QUEUE, partition: 0 };
const TABLE = itemsTableName(KEY);
/** Items in each request. */
const BATCH = 100;
const HOUR = milliseconds(3_600_000);
const DAY = milliseconds(24 * 3_600_000);
const CONTENT = { encoding: '', kind: '', reference: '', payload: Buffer.alloc(10, 'x') };
/** One statement has positions for no more. */
const ROWS_PER_STATEMENT = 100_000;

const FILL = `
  INSERT INTO ${TABLE} (id, expire_deadline, created_at, payload)
  SELECT '0' || lpad(to_hex((number << 17) + position - 1), 16, '0') || substr(md5(position::text), 1, 10),
    now() + interval '1 day', now(), '\\x61'
  FROM (SELECT nextval('querator_item_id') AS number OFFSET 0) AS taken, generate_series(1, $1::int) AS position`;

/** One queue of one partition in a database of its own, of any size. */
export class SizedQueue {
  readonly #connectionString: string;
  readonly #admin: pg.Client;
  readonly #holder: pg.Client;
  #backend: StorageBackend | undefined;
  #store: PartitionStore | undefined;

  private constructor(connectionString: string) {
    this.#connectionString = connectionString;
    this.#admin = new pg.Client(connectionString);
    this.#holder = new pg.Client(connectionString);
  }

  /** Makes the queue, with so many items that wait. */
  static async make(connectionString: string, waiting: number): Promise<SizedQueue> {
    const queue = new SizedQueue(connectionString);
    for (const client of [queue.#admin, queue.#holder]) {
      client.on('error', () => {});
      await client.connect();
    }
    await queue.#onServer(async (post) => {
      const settings = { lease_timeout: '1h', expire_timeout: '24h', requested_partitions: 1 };
      await post('queues.create', { queue_name: QUEUE, ...settings });
      await post('queue.produce', { queue_name: QUEUE, request_timeout: '9s', items: [{ utf8: 'first' }] });
    });
    await queue.#fill(waiting);
    return queue;
  }

  /** Produces and leases so many requests' worth, and completes it. @returns how long each took, in milliseconds. */
  async work(
    requests: number,
  ): Promise<{ readonly produce: readonly number[]; readonly lease: readonly number[] }> {
    const store = this.#open();
    const times = { produce: [] as number[], lease: [] as number[] };
    const leased: string[][] = [];
    const items = Array.from({ length: BATCH }, () => CONTENT);
    for (let n = 0; n < requests; n++) {
      times.produce.push(await timed(() => store.produce([{ items }], DAY)));
    }
    for (let n = 0; n < requests; n++) {
      const tookMs = await timed(async () => {
        const got = await store.lease({ limit: BATCH, leaseTimeout: HOUR });
        leased.push(got.map(({ id }) => id));
      });
      times.lease.push(tookMs);
    }
    for (const ids of leased) await store.complete([{ ids }]);
    return times;
  }

  /** Opens a transaction that nobody ends, and lets all die that waits. */
  async killAllBehindTransaction(): Promise<void> {
    await this.#holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await this.#holder.query('SELECT txid_current(), count(*) FROM pg_class');
    await this.#admin.query(
      `UPDATE ${TABLE} SET is_leased = true, lease_deadline = now() + interval '1 hour'`,
    );
    await this.#admin.query(`DELETE FROM ${TABLE}`);
  }

  /** Produces one request's worth that waits. */
  async add(): Promise<void> {
    await this.#open().produce([{ items: Array.from({ length: BATCH }, () => CONTENT) }], DAY);
  }

  /** Forgets what servers have written down of where waiting items begin. */
  async forgetMarks(): Promise<void> {
    await this.#admin.query('DROP TABLE IF EXISTS querator_marks');
  }

  /** Starts a server and leases from it. @returns how long the first lease took from when it listens, in milliseconds. */
  async firstLeaseOfServer(): Promise<number> {
    await this.#close();
    let tookMs = Number.NaN;
    await this.#onServer(async (post) => {
      tookMs = await timed(() =>
        post('queue.lease', { queue_name: QUEUE, client_id: 'c', batch_size: 1, request_timeout: '60s' }),
      );
    });
    return tookMs;
  }

  async end(): Promise<void> {
    await this.#close();
    await this.#holder.end();
    await this.#admin.end();
  }

  #open(): PartitionStore {
    this.#backend ??= postgresBackend({
      ...{ name: 'sized', connectionString: this.#connectionString },
      ...{ registry: new PoolRegistry(), random: new SystemRandom() },
    });
    this.#store ??= this.#backend.partitionStore(KEY);
    return this.#store;
  }

  async #close(): Promise<void> {
    await this.#backend?.close();
    this.#backend = undefined;
    this.#store = undefined;
  }

  /** Indexes are made anew behind the rows, which takes half of the time. */
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

  async #onServer(
    work: (post: (path: string, body: object) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const storage = {
      driver: 'postgres',
      config: { 'connection-string': this.#connectionString, 'max-conns': 5 },
    };
    const partitions = [{ name: 'sized', ...storage }];
    const config = parseConfig(
      JSON.stringify({ address: '127.0.0.1:0', 'queue-storage': storage, 'partition-storage': partitions }),
    );
    const world = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    const server = await startServer(config, world);
    try {
      await work(async (path, body) => {
        const headers = { 'Content-Type': 'application/json' };
        const sent = { method: 'POST', headers, body: JSON.stringify(body) };
        const response = await fetch(`${server.url}/v1/${path}`, sent);
        if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      });
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
