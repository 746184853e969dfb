import { type LeasedItem, type PartitionStore, SystemRandom } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Database, Statement } from '../src/database/database.ts';
import { lease } from '../src/operations/lease.ts';
import { PartitionTable } from '../src/sql/partition-table.ts';
import { HOUR, item } from './support/contents.ts';
import { insertByHand, MarkedInstance } from './support/marked-instance.ts';
import { connectorFor, openOver } from './support/open-connection.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'shared', partition: 0 };
/** Enough for a snapshot after each lease. */
const BATCH = 1_000;

/** One of several servers that use one partition. It produces, leases by its own mark, and completes. */
class Worker {
  readonly instance: MarkedInstance;
  /** References of the items that it has produced and leased, in order. */
  readonly produced: string[] = [];
  readonly given: string[] = [];
  readonly #backend: ReturnType<typeof testBackend>;
  readonly #store: PartitionStore;
  readonly #name: string;
  /** Leased, and not completed before the next turn. */
  #held: readonly LeasedItem[] = [];

  constructor(name: string, connectionString: string) {
    this.#name = name;
    this.#backend = testBackend(connectionString);
    this.#store = this.#backend.partitionStore(KEY);
    this.instance = new MarkedInstance(connectionString, KEY);
  }

  async produce(): Promise<void> {
    const from = this.produced.length;
    const references = Array.from({ length: BATCH }, (_, n) => `${this.#name}-${from + n}`);
    await this.#store.produce([{ items: references.map(item) }], HOUR);
    this.produced.push(...references);
  }

  /** @returns the number of items that it leased. */
  async lease(): Promise<number> {
    const items = await this.instance.lease(BATCH);
    this.given.push(...items.map(({ reference }) => reference));
    await this.complete();
    this.#held = items;
    return items.length;
  }

  /** Completes its items, which only succeeds for its own. */
  async complete(): Promise<void> {
    if (this.#held.length === 0) return;
    const [outcome] = await this.#store.complete([{ ids: this.#held.map(({ id }) => id) }]);
    expect(outcome?.ok).toBe(true);
    this.#held = [];
  }

  async turn(): Promise<void> {
    await this.produce();
    await this.lease();
  }

  async close(): Promise<void> {
    await this.instance.close();
    await this.#backend.close();
  }
}

describe('two low-water marks on one partition', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let workers: readonly Worker[];
  let dump: pg.Client;
  let slow: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    const backend = testBackend(database.connectionString);
    await backend.partitionStore(KEY).stats();
    await backend.close();
    workers = ['a', 'b'].map((name) => new Worker(name, database.connectionString));
    [dump, slow] = [new pg.Client(database.connectionString), new pg.Client(database.connectionString)];
    for (const client of [dump, slow]) await client.connect();
  });
  afterEach(async () => {
    for (const worker of workers) await worker.close();
    for (const client of [dump, slow]) await client.end();
    await database.drop();
  });

  const turns = async (times: number) => {
    for (let n = 0; n < times; n++) await Promise.all(workers.map((worker) => worker.turn()));
  };

  /** The entries of its index that a lease of ten items reads from there. */
  async function entriesRead(from: string): Promise<number> {
    const connection = await openOver(connectorFor(database.connectionString));
    const query = (text: string) => connection.query({ text });
    const write = ({ text, values, read }: Statement) =>
      connection.query({ text, values: [...(values ?? [])] }, { read });
    const db = { write } as unknown as Database;
    const context = { db, table: new PartitionTable(KEY), random: new SystemRandom(), clock: undefined };
    await query('BEGIN');
    expect(await lease(context, { limit: 10, leaseTimeout: HOUR }, from)).toHaveLength(10);
    const [row] = await query(
      `SELECT pg_stat_get_xact_tuples_returned(oid)::int AS read FROM pg_class WHERE relname LIKE '%\\_lse'`,
    );
    await query('ROLLBACK');
    await connection.close();
    return (row as { readonly read: number }).read;
  }

  test('lose no item, lease no item twice, and save both the dead rows', async () => {
    // Keeps all rows that die from now on.
    await dump.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await dump.query('SELECT txid_current()');
    await turns(6);
    await slow.query('BEGIN');
    const { rows } = await slow.query<{ id: string }>(insertByHand(KEY));
    const late = rows[0]?.id ?? '';
    await turns(10);
    for (const { instance } of workers) {
      expect(instance.mark).not.toBe('');
      expect(instance.mark <= late).toBe(true);
    }
    await slow.query('COMMIT');
    await turns(1);
    expect(workers.flatMap(({ given }) => given)).toContain('by hand');
    await turns(11);

    for (const worker of workers) await worker.produce();
    const fromHead = await entriesRead('');
    expect(fromHead).toBeGreaterThan(40 * BATCH);
    for (const { instance } of workers) {
      expect(await entriesRead(instance.mark)).toBeLessThan(fromHead / 3);
    }

    // Until neither finds another item.
    while ((await Promise.all(workers.map((worker) => worker.lease()))).some((count) => count > 0));
    const given = workers.flatMap((worker) => worker.given);
    expect(given.toSorted()).toEqual([...workers.flatMap(({ produced }) => produced), 'by hand'].toSorted());
    const { rows: left } = await slow.query(`SELECT count(*)::int FROM ${new PartitionTable(KEY).name}`);
    expect(left).toEqual([{ count: 0 }]);
  });
});
