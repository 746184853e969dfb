import {
  FIND_BOUNDS,
  type FindRequest,
  type Instant,
  instantFromMilliseconds,
  milliseconds,
  StorageError,
  SystemClock,
} from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { sessionOptions } from '../src/connection/session-options.ts';
import type { Database, Statement } from '../src/database/database.ts';
import { find } from '../src/operations/find.ts';
import { parseConnectionString } from '../src/settings/connection-string.ts';
import { DEFAULT_TIME_LIMITS } from '../src/settings/time-limits.ts';
import { PartitionTable } from '../src/sql/partition-table.ts';
import { itemsTableName } from '../src/sql/table-name.ts';
import { HOUR, item } from './support/contents.ts';
import { draw, explain, type PlanNode, stepsOf } from './support/explain.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'searched', partition: 0 };
const TABLE = itemsTableName(KEY);
const ITEMS = 30_000;
const EPOCH = 0n as Instant;
const LATER = instantFromMilliseconds(Date.UTC(2027, 0, 1));
const RULES = { maxAttempts: 0, dead: 'delete', claimTimeout: HOUR } as const;

describe('find', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  let backend: ReturnType<typeof testBackend>;

  beforeAll(async () => {
    database = await createTestDatabase();
    backend = testBackend(database.connectionString);
    const store = backend.partitionStore(KEY);
    await store.produce([{ items: [item('first')] }], HOUR);
    const settings = parseConnectionString(database.connectionString);
    // The settings of our sessions. Only filling the table takes longer.
    client = new pg.Client(sessionOptions(settings, { ...DEFAULT_TIME_LIMITS, statementMs: 60_000 }));
    await client.connect();
    await client.query(`
      INSERT INTO ${TABLE} (id, expire_deadline, created_at, reference, source_id, is_leased, payload)
      SELECT '1' || lpad(n::text, 26, '0'), now() + interval '1 hour', now(), 'item ' || n, 'source ' || n,
        n % 100 = 0, convert_to('payload ' || n, 'UTF8')
      FROM generate_series(1, ${ITEMS}) AS n`);
  });
  afterAll(async () => {
    await client.end();
    await backend.close();
    await database.drop();
  });

  /** What the statements of a search do, and with which rows and limits they were sent. */
  let sent: { readonly statement: Statement; readonly rows: unknown; readonly limitMs: number }[] = [];
  /** The numbers of the statements that take too long, from 0. */
  let slow: readonly number[] = [];
  beforeEach(() => {
    sent = [];
    slow = [];
  });

  function firstSent(): Statement {
    if (sent[0] === undefined) throw new Error('no statement was sent');
    return sent[0].statement;
  }

  async function search(request: Partial<FindRequest>) {
    const table = new PartitionTable(KEY);
    table.metadata.found();
    const db = {
      clock: new SystemClock(),
      search: async (statement: Statement, { limitMs }: { readonly limitMs: number }) => {
        sent.push({ statement, rows: statement.values?.[1], limitMs });
        if (slow.includes(sent.length - 1)) {
          throw new StorageError('too slow', { outcome: 'not-applied', gaveUp: true });
        }
        return (await client.query(statement.text, statement.values as unknown[])).rows;
      },
    } as unknown as Database;
    const context = { db, table, random: undefined as never, clock: undefined };
    return find(context, { filter: {}, limit: 1_000, ...request });
  }

  test('reads up to its bound of rows, in growing steps, and goes on from there', async () => {
    const bounds = { ...FIND_BOUNDS, ms: 60_000 };
    const filter = { reference: `item ${ITEMS}` };
    const first = await search({ filter, bounds });
    expect(first).toMatchObject({ items: [], scanned: 20_000 });
    expect(sent.every(({ rows }) => Number(rows) <= 20_000)).toBe(true);
    const second = await search({ filter, bounds, after: first.next });
    expect(second).toMatchObject({ items: [{ reference: `item ${ITEMS}` }], scanned: ITEMS + 1 - 20_000 });
    expect(second.next).toBeUndefined();
  });

  test('answers what it found before a statement that takes too long', async () => {
    slow = [1];
    const found = await search({ filter: { reference: 'item 500' } });
    expect(found).toMatchObject({ items: [{ reference: 'item 500' }], scanned: 1_000 });
    expect(found.next).toBeDefined();
    expect(sent).toHaveLength(2);
  });

  test('reads a few rows without its limit of time if the first statement takes too long', async () => {
    slow = [0, 2];
    const found = await search({ bounds: { ...FIND_BOUNDS, ms: 1_000 } });
    expect(found).toMatchObject({ scanned: 20 });
    expect(found.items).toHaveLength(20);
    expect(sent.map(({ rows }) => rows)).toEqual([1_000, 20, expect.any(Number)]);
    expect(sent[1]?.limitMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('fails if the storage cannot read a few rows', async () => {
    slow = [0, 1];
    await expect(search({})).rejects.toMatchObject({ name: 'StorageError', gaveUp: true });
  });

  const orders: readonly [string, Partial<FindRequest>, readonly string[]][] = [
    ['all items', {}, ['pkey']],
    ['a payload', { filter: { payload: new Uint8Array(3) }, withPayload: true }, ['pkey']],
    ['ids', { filter: { ids: ['x', 'y'] } }, ['pkey']],
    ['a source id', { filter: { sourceId: 'source 1' } }, ['src']],
    ['waiting items', { filter: { state: 'waiting', kind: 'k' } }, ['lse', 'pkey']],
  ];
  test.each(orders)('of %s reads an index in order, and ends at the limit', async (_, request, indexes) => {
    await search(request);
    const plan = await explain(client, firstSent(), 'custom');
    const steps = stepsOf(plan);
    const used = steps.flatMap((step) => step['Index Name'] ?? []).map((name) => name.split('_').at(-1));
    expect(used, draw(plan)).toSatisfy((names: string[]) => names.every((name) => indexes.includes(name)));
    expect(
      steps.map((step: PlanNode) => step['Node Type']),
      draw(plan),
    ).not.toContain('Seq Scan');
    if (request.filter?.sourceId === undefined) {
      expect(
        steps.map((step) => step['Node Type']),
        draw(plan),
      ).not.toContain('Sort');
    }
  });

  test('of a page reads no more rows than the page needs', async () => {
    await search({ limit: 10 });
    const statement = firstSent();
    await client.query(`PREPARE page AS ${statement.text}`);
    const values = (statement.values ?? []).map((value) => pg.escapeLiteral(String(value))).join(', ');
    const { rows } = await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE page(${values})`);
    const scans = stepsOf(rows[0]['QUERY PLAN'][0].Plan).filter((step) => step['Index Name'] !== undefined);
    for (const scan of scans as (PlanNode & { 'Actual Rows': number })[]) {
      expect(scan['Actual Rows']).toBeLessThanOrEqual(12);
    }
  });

  const narrow: readonly [string, FindRequest['filter'], readonly string[]][] = [
    ['leased items', { state: 'leased' }, ['dln']],
    ['leased items by their deadlines', { state: 'leased', due: { from: EPOCH, to: LATER } }, ['dln']],
    ['dead items', { state: 'dead' }, ['dln']],
    ['scheduled items', { state: 'scheduled', kind: 'k' }, ['sch']],
    ['scheduled items by their times', { state: 'scheduled', due: { to: LATER } }, ['sch']],
    ['taken items', { state: 'moving' }, ['sch']],
    ['waiting items by their deadlines', { state: 'waiting', due: { from: EPOCH } }, ['exp']],
    ['deadlines', { due: { from: EPOCH, to: LATER } }, ['sch', 'dln', 'exp']],
  ];
  describe.each(['without', 'with'])('%s statistics', (statistics) => {
    beforeAll(async () => {
      if (statistics === 'with') await client.query(`ANALYZE ${TABLE}`);
    });

    test.each(narrow)('%s are found by reading a part of an index in order', async (_, filter, indexes) => {
      await search({ filter });
      const plan = await explain(client, firstSent(), 'custom');
      const steps = stepsOf(plan);
      const used = steps.flatMap((step) => step['Index Name'] ?? []).map((name) => name.split('_').at(-1));
      expect(used, draw(plan)).toEqual(indexes);
      const types = steps.map((step) => step['Node Type']);
      expect(types, draw(plan)).not.toContain('Seq Scan');
      expect(types, draw(plan)).not.toContain('Sort');
    });
  });

  test('of few items in a state reads only those', async () => {
    const found = await search({ filter: { state: 'leased' }, limit: 200 });
    expect(found).toMatchObject({ scanned: 200 });
    expect(found.items).toHaveLength(200);
    const rest = await search({ filter: { state: 'leased' }, after: found.next });
    expect(rest).toMatchObject({ scanned: ITEMS / 100 - 200 });
    expect(rest.next).toBeUndefined();
    const ids = [...found.items, ...rest.items].map(({ id }) => id);
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(ITEMS / 100);
    expect(await search({ filter: { state: 'scheduled' } })).toEqual({ items: [], scanned: 0, bytes: 0 });
  });

  test('of many items in a state, or behind a slow index, reads along the ids', async () => {
    const bounds = { ...FIND_BOUNDS, ms: 60_000 };
    const many = { due: { from: EPOCH } };
    // Ten leased ones without a deadline are passed by.
    expect(await search({ filter: many, bounds, limit: 1_000 })).toMatchObject({ scanned: 1_010 });
    slow = [0];
    sent = [];
    expect(await search({ filter: { state: 'leased' }, bounds })).toMatchObject({ scanned: 20_000 });
    expect(sent[0]?.limitMs).toBeLessThanOrEqual(250);
  });

  test('finds each item once that stays in its state while others leave and enter it', async () => {
    const own = testBackend(database.connectionString);
    const store = own.partitionStore({ queue: 'changing', partition: 0 });
    await store.produce([{ items: Array.from({ length: 40 }, (_, n) => item(`${n}`)) }], HOUR);
    const leased = await store.lease({ limit: 30, leaseTimeout: HOUR });
    const idOf = ({ id }: { readonly id: string }) => id;
    const stays = leased.filter((_, n) => n % 3 !== 0).map(idOf);
    const leaves = leased.filter((_, n) => n % 3 === 0).map(idOf);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await store.find?.({ filter: { state: 'leased' }, limit: 4, after });
      seen.push(...(page?.items ?? []).map(idOf));
      after = page?.next;
      const id = leaves.pop();
      if (id !== undefined) await store.retry([{ items: [{ id, dead: false, retryAt: undefined }] }], RULES);
      await store.lease({ limit: 1, leaseTimeout: HOUR });
      // Changes the order of the index, and no id.
      await store.extend?.([
        { id: stays[seen.length % stays.length] ?? '', leaseTimeout: milliseconds(60_000) },
      ]);
    } while (after !== undefined);
    expect(new Set(seen).size).toBe(seen.length);
    expect(stays.filter((id) => !seen.includes(id))).toEqual([]);
    await own.close();
  });

  test('works on a table without the column for details', async () => {
    const key = { queue: 'old table', partition: 0 };
    const old = testBackend(database.connectionString);
    const store = old.partitionStore(key);
    await store.produce([{ items: [item('a')] }], HOUR);
    await client.query(`ALTER TABLE ${itemsTableName(key)} DROP COLUMN metadata`);
    await client.query(`ALTER TABLE ${itemsTableName(key)} ADD COLUMN metadata text`);
    await old.close();
    const again = testBackend(database.connectionString);
    const searched = again.partitionStore(key);
    const page = await searched.find?.({ filter: {}, limit: 5 });
    const [{ id } = { id: '' }] = page?.items ?? [];
    expect(page?.items).toMatchObject([{ reference: 'a', details: { firstId: id, metadata: new Map() } }]);
    const finds = async (filter: FindRequest['filter']) =>
      (await searched.find?.({ filter, limit: 5 }))?.items.length;
    expect(await finds({ firstId: id })).toBe(1);
    expect(await finds({ metadata: new Map() })).toBe(1);
    expect(await finds({ metadata: new Map([['a', 'b']]) })).toBe(0);
    expect(await finds({ error: 'e' })).toBe(0);
    expect(await finds({ reason: 'expired' })).toBe(0);
    await again.close();
  });

  test.each([
    [16, 2],
    [4, 1],
  ])('over a pool of %i connections uses %i, and leaves the others to requests', async (maxConns, most) => {
    const small = testBackend(database.connectionString, { maxConns });
    const keys = [0, 1, 2].map((partition) => ({ queue: 'held', partition }));
    const stores = keys.map((key) => small.partitionStore(key));
    for (const store of stores) await store.probe();
    const free = small.partitionStore({ queue: 'free', partition: 0 });
    await free.probe();
    await client.query(`BEGIN; LOCK TABLE ${keys.map((key) => itemsTableName(key)).join(', ')}`);
    const bounds = { ...FIND_BOUNDS, ms: 60_000 };
    const searching = stores.map((store) => store.find?.({ filter: {}, limit: 1, bounds }));
    const held = async () => {
      await client.query('SELECT pg_stat_clear_snapshot()');
      const { rows } = await client.query(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows.length;
    };
    await vi.waitFor(async () => expect(await held()).toBe(most), 10_000);
    await free.produce([{ items: [item('a')] }], HOUR);
    await client.query('COMMIT');
    expect(await Promise.all(searching)).toEqual(stores.map(() => ({ items: [], scanned: 0, bytes: 0 })));
    await small.close();
  });
});
