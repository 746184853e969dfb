import type { PartitionStore, StorageError } from '@querator/core';
import {
  createTestDatabase,
  type FaultProxy,
  startFaultProxy,
  type TestDatabase,
} from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const SOURCE = { queue: 'source', partition: 0 };
const TARGET = { queue: 'target', partition: 0 };
const TEXTS = ['a', 'b', 'c'];

describe('a transfer', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;
  let proxy: FaultProxy;
  let backend: ReturnType<typeof testBackend>;
  let source: PartitionStore;
  let target: PartitionStore;
  let ids: readonly string[];

  beforeEach(async () => {
    database = await createTestDatabase();
    admin = new pg.Client({ connectionString: database.connectionString, application_name: 'admin' });
    await admin.connect();
    proxy = await startFaultProxy(database.connectionString);
    backend = testBackend(proxy.connectionString);
    source = backend.partitionStore(SOURCE);
    target = backend.partitionStore(TARGET);
    await target.stats();
    await source.produce([{ items: TEXTS.map((text) => item(text)) }], HOUR);
    ids = (await source.list({ state: 'queued', pivot: '', limit: 10 })).map(({ id }) => id);
  });
  afterEach(async () => {
    await backend.close();
    await proxy.close();
    await admin.end();
    await database.drop();
  });

  const transfer = () =>
    source.transfer?.({
      ids,
      state: 'waiting',
      target: target.transferTarget as object,
      expireTimeout: HOUR,
    });
  const textsIn = async (store: PartitionStore) =>
    (await store.list({ state: 'queued', pivot: '', limit: 10 })).map(({ reference }) => reference);
  /** Where the items are, and where they are after the same transfer again. */
  const outcome = async () => {
    const before = [await textsIn(source), await textsIn(target)];
    await transfer();
    return [...before, await textsIn(source), await textsIn(target)];
  };

  test('whose answer is lost has taken effect as a whole, and can be repeated', async () => {
    proxy.cutAtAnswers();
    await expect(transfer()).rejects.toMatchObject({ outcome: 'unknown' } satisfies Partial<StorageError>);
    proxy.restore();
    expect(await outcome()).toEqual([[], TEXTS, [], TEXTS]);
  });

  test('whose session is killed has no effect at all, and can be repeated', async () => {
    await admin.query('BEGIN');
    await admin.query(`SELECT 1 FROM ${itemsTableName(SOURCE)} WHERE id = $1 FOR UPDATE`, [ids[1]]);
    const transferring = expect(transfer()).rejects.toMatchObject({ outcome: 'unknown' });
    await vi.waitFor(async () => {
      const { rows } = await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'querator' AND wait_event_type = 'Lock'`,
      );
      expect(rows).toHaveLength(1);
    });
    await transferring;
    await admin.query('ROLLBACK');
    expect(await outcome()).toEqual([TEXTS, [], [], TEXTS]);
  });

  test('waits for an item that another session is changing, so that none overtakes it', async () => {
    await admin.query('BEGIN');
    await admin.query(`UPDATE ${itemsTableName(SOURCE)} SET kind = 'changed' WHERE id = $1`, [ids[0]]);
    const transferring = transfer();
    await vi.waitFor(async () => {
      const { rows } = await admin.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      expect(rows).toHaveLength(1);
    });
    expect(await textsIn(target)).toEqual([]);
    await admin.query('COMMIT');
    await transferring;
    expect(await textsIn(target)).toEqual(TEXTS);
  });

  test('leaves scheduled items for a while to a sweep that is at work', async () => {
    await admin.query('BEGIN');
    const sweeping = `SELECT pg_advisory_xact_lock((x'71756572'::bigint << 32) + '${itemsTableName(SOURCE)}'::regclass::oid::bigint)`;
    await admin.query(sweeping);
    await admin.query(`UPDATE ${itemsTableName(SOURCE)} SET enqueue_at = now() + interval '1 h'`);
    await admin.query('COMMIT');
    await admin.query('BEGIN');
    await admin.query(sweeping);
    const later = {
      ids,
      state: 'scheduled',
      target: target.transferTarget as object,
      expireTimeout: HOUR,
    } as const;
    expect(await source.transfer?.(later)).toEqual({ transferred: [], left: ids });
    const take = { ids, state: 'scheduled', task: 'task', target: TARGET } as const;
    expect(await source.takeItems?.(take)).toEqual({ taken: [], left: ids });
    await admin.query('COMMIT');
    expect((await source.takeItems?.(take))?.taken).toHaveLength(TEXTS.length);
    expect(await source.returnTaken?.({ ids, task: 'task' })).toBe(TEXTS.length);
    expect(await source.transfer?.(later)).toEqual({ transferred: ids, left: [] });
  });

  test('passes by items that a task has taken, as statements of the release before do', async () => {
    const table = itemsTableName(SOURCE);
    await admin.query(`UPDATE ${table} SET enqueue_at = now() + interval '1 h' WHERE id = $1`, [ids[1]]);
    const take = { task: 'task', ids: ids.slice(0, 2), target: { queue: 'x', partition: 0 } };
    await source.takeItems?.(take);
    expect((await source.takeItems?.({ ...take, state: 'scheduled' }))?.taken).toHaveLength(2);
    const now = `'9000-01-01'::timestamptz`;
    const found = {
      lease: `SELECT id FROM ${table} WHERE is_leased = false AND enqueue_at IS NULL`,
      due: `SELECT id FROM ${table} WHERE enqueue_at < ${now}`,
      overdue: `SELECT id FROM ${table} WHERE is_leased = true AND lease_deadline < ${now}`,
      expired: `SELECT id FROM ${table} WHERE expire_deadline < ${now} AND is_leased IS NOT TRUE AND enqueue_at IS NULL`,
      complete: `SELECT id FROM ${table} WHERE is_leased`,
    };
    const expected = { lease: ids.slice(2), due: [], overdue: [], expired: ids.slice(2), complete: [] };
    for (const [name, text] of Object.entries(found)) {
      const { rows } = await admin.query(text);
      expect({ [name]: rows.map(({ id }) => id) }).toEqual({ [name]: expected[name as keyof typeof found] });
    }
  });

  test('into another storage changes nothing, even on the same database', async () => {
    const other = testBackend(database.connectionString);
    const elsewhere = other.partitionStore(TARGET).transferTarget as object;
    const request = { ids, state: 'waiting', target: elsewhere, expireTimeout: HOUR } as const;
    expect(await source.transfer?.(request)).toBeUndefined();
    expect(await textsIn(source)).toEqual(TEXTS);
    await other.close();
  });
});
