import { itemsTableName } from '@querator/storage-postgres';
import type { TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { expect, vi } from 'vitest';

const WITHIN = { timeout: 60_000, interval: 50 };
/** Selects the sessions of servers. */
const SERVERS = `application_name = 'querator'`;

/** A database with an open transaction, and figures of a queue's table. */
export class HeldDatabase {
  readonly #holder: pg.Client;
  readonly #observer: pg.Client;
  readonly #connectionString: string;
  readonly #table: string;
  #transaction = '';

  private constructor({ connectionString }: TestDatabase, queue: string) {
    this.#connectionString = connectionString;
    this.#holder = new pg.Client(connectionString);
    this.#observer = new pg.Client(connectionString);
    this.#table = itemsTableName({ queue, partition: 0 });
  }

  /** Begins the transaction. The queue has one partition, whose table may not exist yet. */
  static async hold(database: TestDatabase, queue: string): Promise<HeldDatabase> {
    const held = new HeldDatabase(database, queue);
    await held.#holder.connect();
    await held.#observer.connect();
    // With a transaction id and a snapshot: both keep dead rows.
    await held.#holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    held.#transaction = await held.#current();
    return held;
  }

  /** Whether the first transaction is still open. */
  async isHeld(): Promise<boolean> {
    return (await this.#current()) === this.#transaction;
  }

  async isEmpty(): Promise<boolean> {
    const { rows } = await this.#observer.query(`SELECT FROM ${this.#table} LIMIT 1`);
    return rows.length === 0;
  }

  /** Dead rows according to the statistics, which lag behind. */
  async deadRows(): Promise<number> {
    const { rows } = await this.#observer.query<{ dead: number }>(
      'SELECT n_dead_tup::int AS dead FROM pg_stat_user_tables WHERE relname = $1',
      [this.#table],
    );
    return rows[0]?.dead ?? 0;
  }

  /** Waits until no server is connected. The statistics of a session are complete when it has ended. */
  async untilServersAreGone(): Promise<void> {
    await vi.waitFor(async () => {
      const { rows } = await this.#observer.query(`SELECT pid FROM pg_stat_activity WHERE ${SERVERS}`);
      expect(rows).toEqual([]);
    }, WITHIN);
  }

  /** The number of entries of the lease index that all sessions have read. */
  async entriesRead(): Promise<number> {
    const { rows } = await this.#observer.query<{ read: number }>(
      `SELECT idx_tup_read::int AS read FROM pg_stat_user_indexes WHERE relname = $1 AND indexrelname LIKE '%\\_lse'`,
      [this.#table],
    );
    return rows[0]?.read ?? 0;
  }

  /** The number of index entries from the head to the first waiting item, dead ones included. */
  async entriesFromHead(): Promise<number> {
    const before = await this.entriesRead();
    const walker = new pg.Client(this.#connectionString);
    await walker.connect();
    await walker.query('SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off');
    await walker.query(`SELECT id FROM ${this.#table}
      WHERE is_leased = false AND enqueue_at IS NULL ORDER BY is_leased, enqueue_at, id LIMIT 1`);
    await walker.end();
    await vi.waitFor(async () => expect(await this.entriesRead()).toBeGreaterThan(before), WITHIN);
    return (await this.entriesRead()) - before;
  }

  async release(): Promise<void> {
    await this.#holder.end();
    await this.#observer.end();
  }

  async #current(): Promise<string> {
    const { rows } = await this.#holder.query('SELECT txid_current()::text AS id, count(*) FROM pg_class');
    return rows[0].id;
  }
}
