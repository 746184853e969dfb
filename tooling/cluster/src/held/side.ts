import type { StorageBackend } from '@querator/core';
import { itemsTableName } from '@querator/storage-postgres';
import pg from 'pg';
import { openBackend } from '../backend.ts';
import { BatchClient } from '../batch-client.ts';

const KEY = { queue: 'queue', partition: 0 };
/** The constant number of waiting items. */
const BACKLOG = 10_000;

/** The figures of some turns. */
export interface Figures {
  /** Milliseconds of each lease. */
  readonly leaseTimes: readonly number[];
  /** Items per second through produce, lease and complete. */
  readonly rate: number;
}

export interface SideOptions {
  /** Backends with separate pools, all on the same partition. */
  readonly instances: number;
  /** Items in each request. */
  readonly batch: number;
  /** Whether a transaction stays open. */
  readonly held: boolean;
}

/** One of the two databases in the comparison, and the instances that work on it. */
export class Side {
  /** Items per second of the last turn. */
  lastRate = Number.NaN;
  readonly #backends: readonly StorageBackend[];
  readonly #clients: readonly BatchClient[];
  readonly #holder: pg.Client;
  readonly #observer: pg.Client;
  readonly #batch: number;
  #current = new Work();
  readonly #all = new Work();

  private constructor(connectionString: string, { instances, batch }: SideOptions) {
    this.#batch = batch;
    this.#backends = Array.from({ length: instances }, () => openBackend(connectionString));
    this.#clients = this.#backends.map((backend) => new BatchClient(backend.partitionStore(KEY), batch));
    this.#holder = new pg.Client(connectionString);
    // A transaction keeps the statistics that it has read first.
    this.#observer = new pg.Client(connectionString);
  }

  /** Fills a database and opens its transaction. */
  static async start(connectionString: string, options: SideOptions): Promise<Side> {
    const side = new Side(connectionString, options);
    await side.#holder.connect();
    await side.#observer.connect();
    for (let n = 0; n < BACKLOG; n += options.batch) await side.#clients[0]?.produce();
    if (options.held) {
      // With a transaction id and a snapshot: both keep dead rows.
      await side.#holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await side.#holder.query('SELECT txid_current(), count(*) FROM pg_class');
    }
    return side;
  }

  /** Produces, leases and completes `items` items, all instances at once. */
  async turn(items: number): Promise<void> {
    const before = performance.now();
    const share = items / this.#clients.length;
    await Promise.all(
      this.#clients.map(async (client) => {
        for (let done = 0; done < share; done += this.#batch) await this.#cycle(client);
      }),
    );
    const took = performance.now() - before;
    this.lastRate = (1_000 * items) / took;
    for (const work of [this.#current, this.#all]) work.add(items, took);
  }

  /** The figures since the last call. */
  takeFigures(): Figures {
    const figures = this.#current.figures();
    this.#current = new Work();
    return figures;
  }

  totals(): Figures {
    return this.#all.figures();
  }

  /** Dead rows according to the statistics, which lag behind. */
  async deadRows(): Promise<number> {
    const { rows } = await this.#observer.query(
      'SELECT n_dead_tup::int AS dead FROM pg_stat_user_tables WHERE relname = $1',
      [itemsTableName(KEY)],
    );
    return rows[0]?.dead ?? 0;
  }

  async end(): Promise<void> {
    // Ends the transaction too.
    await this.#holder.end();
    await this.#observer.end();
    for (const backend of this.#backends) await backend.close();
  }

  async #cycle(client: BatchClient): Promise<void> {
    const { ids, tookMs } = await client.cycle();
    if (ids.length !== this.#batch) throw new Error(`leased ${ids.length} of ${this.#batch}`);
    for (const work of [this.#current, this.#all]) work.leaseTimes.push(tookMs);
  }
}

class Work {
  readonly leaseTimes: number[] = [];
  #items = 0;
  #milliseconds = 0;

  add(items: number, milliseconds: number): void {
    this.#items += items;
    this.#milliseconds += milliseconds;
  }

  figures(): Figures {
    return { leaseTimes: this.leaseTimes, rate: (1_000 * this.#items) / this.#milliseconds };
  }
}
