import { type MoveClaim, type MoveStore, type PartitionStore, StorageError } from '@querator/core';
import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HOUR, item } from './support/contents.ts';
import { insertByHand } from './support/marked-instance.ts';
import { testBackend } from './support/test-backend.ts';

const CLAIM: MoveClaim = { task: 'task', generation: 1 };

describe('a partition that moves, and other sessions', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  let backend: ReturnType<typeof testBackend>;
  let other: pg.Client;
  let tests = 0;
  let key: { readonly queue: string; readonly partition: number };
  let table: string;
  let store: PartitionStore;
  let move: MoveStore;

  beforeAll(async () => {
    cluster = await startTemporaryCluster({ volatile: true, settings: { max_prepared_transactions: '5' } });
    backend = testBackend(cluster.connectionString(), { timeouts: { lockMs: 500 } });
  }, 60_000);
  afterAll(async () => {
    await backend.close();
    await cluster.stop();
  });
  beforeEach(async () => {
    other = new pg.Client(cluster.connectionString());
    await other.connect();
    key = { queue: `moves-${tests++}`, partition: 0 };
    store = backend.partitionStore(key);
    move = backend.moveStore?.(key) as MoveStore;
    await store.produce([{ items: [item('a'), item('b')] }], HOUR);
    table = /INSERT INTO (\w+)/.exec(insertByHand(key))?.[1] ?? '';
  });
  afterEach(async () => {
    await other.end();
  });

  const triggers = async (name = table) => {
    const text = 'SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass($1) ORDER BY tgname';
    return (await other.query<{ tgname: string }>(text, [name])).rows.map(({ tgname }) => tgname);
  };
  const closedBy = (call: Promise<unknown>) =>
    call.then(
      () => false,
      (error: unknown) => error instanceof StorageError && error.closed,
    );

  test('closes and opens while a dump holds the table, and waits for the dump only to end', async () => {
    await other.query(`BEGIN; LOCK TABLE ${table} IN ACCESS SHARE MODE`);
    await move.begin(CLAIM, 'source');
    expect(await move.close(CLAIM)).toBeDefined();
    expect(await closedBy(store.produce([{ items: [item('c')] }], HOUR))).toBe(true);
    await move.reopen(CLAIM);
    await store.produce([{ items: [item('c')] }], HOUR);
    await expect(move.end(CLAIM)).rejects.toMatchObject({ locked: true, outcome: 'not-applied' });
    await store.produce([{ items: [item('d')] }], HOUR);
    await other.query('COMMIT');
    await move.end(CLAIM);
    expect(await triggers()).toEqual([]);
    expect(await store.stats()).toMatchObject({ waiting: 4 });
  });

  test('has triggers only while it moves', async () => {
    expect(await triggers()).toEqual([]);
    await move.begin(CLAIM, 'source');
    expect(await triggers()).toHaveLength(5);
    await move.end(CLAIM);
    expect(await triggers()).toEqual([]);
    expect(await triggers(table.replace('items', 'keys'))).toEqual([]);
  });

  test('is not closed while a transaction that has written is open', async () => {
    await move.begin(CLAIM, 'source');
    await other.query('BEGIN');
    await other.query(insertByHand(key));
    expect(await move.close(CLAIM)).toBeUndefined();
    await move.reopen(CLAIM);
    await other.query('COMMIT');
    expect(await move.close(CLAIM)).toBeDefined();
    expect((await move.readChanges(CLAIM, 10)).items).toHaveLength(1);
  });

  test('is not closed while a transaction that has written is prepared', async () => {
    await move.begin(CLAIM, 'source');
    await other.query('BEGIN');
    await other.query(insertByHand(key));
    await other.query("PREPARE TRANSACTION 'writer'");
    expect(await move.close(CLAIM)).toBeUndefined();
    await other.query("COMMIT PREPARED 'writer'");
    expect(await move.close(CLAIM)).toBeDefined();
    expect((await move.readChanges(CLAIM, 10)).items).toHaveLength(1);
  });

  test('refuses a transaction that began before the closing and writes after it', async () => {
    await move.begin(CLAIM, 'source');
    await other.query(`BEGIN; SELECT FROM ${table}`);
    await move.close(CLAIM);
    await expect(other.query(insertByHand(key))).rejects.toMatchObject({ code: 'QM001' });
    await other.query('ROLLBACK');
    await other.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM ${table}`);
    await move.reopen(CLAIM);
    await expect(other.query(insertByHand(key))).rejects.toMatchObject({ code: 'QM001' });
    await other.query('ROLLBACK');
  });

  test.each(['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'])(
    'refuses an %s of any program once it is closed',
    async (kind) => {
      await move.begin(CLAIM, 'source');
      await move.close(CLAIM);
      const statements: Readonly<Record<string, string>> = {
        INSERT: insertByHand(key),
        UPDATE: `UPDATE ${table} SET attempts = 1 WHERE false`,
        DELETE: `DELETE FROM ${table} WHERE false`,
        TRUNCATE: `TRUNCATE ${table}`,
      };
      await expect(other.query(statements[kind] ?? '')).rejects.toMatchObject({ code: 'QM001' });
      await other.query("SET querator.move = 'task 2'");
      await expect(other.query(statements[kind] ?? '')).rejects.toMatchObject({ code: 'QM001' });
      expect(await store.stats()).toMatchObject({ waiting: 2 });
    },
  );

  test('is closed for a process that has never used it, once it has left, and keeps no items', async () => {
    await move.begin(CLAIM, 'source');
    await move.close(CLAIM);
    await move.leave(CLAIM);
    await move.end(CLAIM);
    const late = testBackend(cluster.connectionString());
    try {
      const lateStore = late.partitionStore(key);
      expect(await closedBy(lateStore.produce([{ items: [item('c')] }], HOUR))).toBe(true);
      expect(await lateStore.stats()).toMatchObject({ waiting: 0 });
    } finally {
      await late.close();
    }
    expect(await triggers()).toEqual(['querator_gate']);
    const { rows } = await other.query(`SELECT FROM querator_changes WHERE items_table = '${table}'`);
    expect(rows).toEqual([]);
  });

  test('gets a new table when it comes back, so that marks of the one before do not count', async () => {
    const oid = async () => (await other.query(`SELECT '${table}'::regclass::oid AS oid`)).rows[0].oid;
    await move.begin(CLAIM, 'source');
    await move.close(CLAIM);
    await move.leave(CLAIM);
    await move.end(CLAIM);
    const before = await oid();
    await move.begin({ task: 'back', generation: 1 }, 'target');
    expect(await oid()).not.toBe(before);
  });

  test('writes nothing into the table of a later queue of that name', async () => {
    const target = { queue: `target-${tests++}`, partition: 0 };
    const to = backend.moveStore?.(target) as MoveStore;
    await move.begin(CLAIM, 'source');
    await to.begin(CLAIM, 'target');
    const { items } = await move.readItems(CLAIM, undefined, 10);
    const name = /INSERT INTO (\w+)/.exec(insertByHand(target))?.[1] ?? '';
    await other.query(`ALTER TABLE ${name} RENAME TO gone; CREATE TABLE ${name} (LIKE gone INCLUDING ALL)`);
    await expect(to.write(CLAIM, { items, gone: [], keys: [] })).rejects.toMatchObject({ stale: true });
    await to.end(CLAIM);
    expect((await other.query(`SELECT count(*)::int AS count FROM ${name}`)).rows[0].count).toBe(0);
  });
});
