import { milliseconds, type PartitionStore, type StorageBackend, SystemRandom } from '@querator/core';
import { itemsTableName, PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import pg from 'pg';

const KEY = { queue: 'queue', partition: 0 };
/** Items waiting at any time. */
const BACKLOG = 10_000;
const MINUTE = milliseconds(60_000);
const CONTENT = { encoding: '', kind: '', reference: '', payload: Buffer.alloc(100, 'x') };

/** What was done since somebody last asked. */
export interface Figures {
  /** Of each lease, in milliseconds. */
  readonly leaseTimes: readonly number[];
  /** Items a second through produce, lease and complete. */
  readonly rate: number;
}

export interface SideOptions {
  /** Backends with pools of their own, all on the same partition. */
  readonly instances: number;
  /** Items in each request. */
  readonly batch: number;
  /** Whether a transaction is open all the time. */
  readonly held: boolean;
}

/** One of the two databases that are compared, and the instances that work on it. */
export class Side {
  /** Of the last turn, in items a second. */
  lastRate = Number.NaN;
  readonly #backends: readonly StorageBackend[];
  readonly #stores: readonly PartitionStore[];
  readonly #holder: pg.Client;
  readonly #observer: pg.Client;
  readonly #batch: number;
  #current = new Work();
  readonly #all = new Work();

  private constructor(connectionString: string, { instances, batch }: SideOptions) {
    this.#batch = batch;
    this.#backends = Array.from({ length: instances }, () =>
      postgresBackend({
        name: 'held',
        connectionString,
        registry: new PoolRegistry(),
        random: new SystemRandom(),
      }),
    );
    this.#stores = this.#backends.map((backend) => backend.partitionStore(KEY));
    this.#holder = new pg.Client(connectionString);
    // A transaction goes on seeing the statistics that it saw first.
    this.#observer = new pg.Client(connectionString);
  }

  /** Fills a database and opens its transaction. */
  static async start(connectionString: string, options: SideOptions): Promise<Side> {
    const side = new Side(connectionString, options);
    await side.#holder.connect();
    await side.#observer.connect();
    for (let n = 0; n < BACKLOG; n += options.batch) await side.#produce(side.#stores[0] as PartitionStore);
    if (options.held) {
      // With a number of its own and a snapshot: the worst of both.
      await side.#holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await side.#holder.query('SELECT txid_current(), count(*) FROM pg_class');
    }
    return side;
  }

  /** Produces, leases and completes so many items, all instances at once. */
  async turn(items: number): Promise<void> {
    const before = performance.now();
    const share = items / this.#stores.length;
    await Promise.all(
      this.#stores.map(async (store) => {
        for (let done = 0; done < share; done += this.#batch) await this.#round(store);
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

  /** As far as the statistics know, which come in late. */
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

  async #round(store: PartitionStore): Promise<void> {
    await this.#produce(store);
    const before = performance.now();
    const items = await store.lease({ limit: this.#batch, leaseTimeout: MINUTE });
    const took = performance.now() - before;
    if (items.length !== this.#batch) throw new Error(`leased ${items.length} of ${this.#batch}`);
    for (const work of [this.#current, this.#all]) work.leaseTimes.push(took);
    await store.complete([{ ids: items.map(({ id }) => id) }]);
  }

  async #produce(store: PartitionStore): Promise<void> {
    await store.produce([{ items: Array.from({ length: this.#batch }, () => CONTENT) }], MINUTE);
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
