import type { PartitionStore } from '@querator/core';
import { createTestDatabase, startFaultProxy, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const PARTITIONS = 6;
const keyOf = (partition: number) => ({ queue: 'counted', partition });

describe('counts', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    admin = new pg.Client({ connectionString: database.connectionString, application_name: 'admin' });
    await admin.connect();
  });
  afterEach(async () => {
    await admin.end();
    await database.drop();
  });

  /** A backend with tables whose counts do not end until `release`. */
  async function hanging(maxConns: number, connectionString = database.connectionString) {
    const backend = testBackend(connectionString, { maxConns });
    const stores = Array.from({ length: PARTITIONS }, (_, n) => backend.partitionStore(keyOf(n)));
    for (const store of stores) await store.probe();
    // Partitions 0 to 5; another one is left to work with.
    const free = backend.partitionStore(keyOf(PARTITIONS));
    await free.probe();
    const tables = stores.map((_, n) => itemsTableName(keyOf(n))).join(', ');
    await admin.query(`BEGIN; LOCK TABLE ${tables}`);
    return { backend, stores, free, release: () => admin.query('COMMIT') };
  }

  const underWay = async () => {
    await admin.query('SELECT pg_stat_clear_snapshot()');
    const { rows } = await admin.query(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'querator'
       AND wait_event_type = 'Lock'`,
    );
    return rows.length;
  };

  test.each([
    [10, 2],
    [8, 2],
    [5, 1],
    [4, 1],
  ])('over a pool of %i connections use %i, and leave the others to requests', async (maxConns, most) => {
    const { backend, stores, free, release } = await hanging(maxConns);
    const counting = stores.map((store) => store.stats());
    await vi.waitFor(async () => expect(await underWay()).toBe(most), 10_000);
    for (let n = 0; n < 5; n++) await free.produce([{ items: [item('a')] }], HOUR);
    expect(await free.lease({ limit: 10, leaseTimeout: HOUR })).toHaveLength(5);
    expect(await underWay()).toBe(most);
    await release();
    expect(await Promise.all(counting)).toHaveLength(PARTITIONS);
    await backend.close();
  });

  test('and background polls in a pool of four leave one connection to requests and one to LISTEN', async () => {
    const { backend, stores, free, release } = await hanging(4);
    backend.signals?.subscribe('topic', () => {});
    const running: Promise<unknown>[] = stores.map((store) => store.stats());
    const keys = stores.map((_, n) => keyOf(n));
    for (let n = 0; n < 5; n++) running.push(backend.poll(keys, { deadlines: false }).catch(() => {}));
    await vi.waitFor(async () => expect(await underWay()).toBe(2), 10_000);
    await free.produce([{ items: [item('a')] }], HOUR);
    await release();
    await Promise.all(running);
    await backend.close();
  });

  test('end at their time limit, and report it', async () => {
    const { backend, stores, release } = await hanging(4);
    const [store] = stores as [PartitionStore];
    await expect(store.stats({ limitMs: 100 })).rejects.toMatchObject({
      ...{ name: 'StorageError', outcome: 'not-applied', gaveUp: true },
    });
    await release();
    expect(await store.stats({ limitMs: 30_000 })).toMatchObject({ waiting: 0 });
    await backend.close();
  });

  test('end when their callers have left, on the server too', async () => {
    const { backend, stores, release } = await hanging(4);
    const [store, other] = stores as [PartitionStore, PartitionStore];
    const leaving = new AbortController();
    const counting = [store.stats({ signal: leaving.signal }), other.stats({ signal: leaving.signal })];
    const settled = Promise.allSettled(counting);
    await vi.waitFor(async () => expect(await underWay()).toBe(1), 10_000);
    leaving.abort();
    for (const result of await settled) {
      expect(result).toMatchObject({ status: 'rejected', reason: { name: 'StorageError', gaveUp: true } });
    }
    expect(await underWay()).toBe(0);
    // Closing does not wait for the counts.
    await backend.close();
    await release();
  });

  // The server itself gives up waiting for the lock after 30 s.
  describe('of a server that does not answer', { timeout: 20_000 }, () => {
    async function silent() {
      const proxy = await startFaultProxy(database.connectionString);
      const { backend, stores, free, release } = await hanging(8, proxy.connectionString);
      const end = async () => {
        await release();
        await backend.close();
        await proxy.close();
      };
      return { proxy, store: stores[0] as PartitionStore, free, end };
    }

    test('end when their callers have left', async () => {
      const { proxy, store, end } = await silent();
      const leaving = new AbortController();
      const counting = Promise.allSettled([store.stats({ signal: leaving.signal })]);
      await vi.waitFor(async () => expect(await underWay()).toBe(1), 10_000);
      proxy.blackHole();
      leaving.abort();
      expect(await counting).toMatchObject([{ status: 'rejected', reason: { gaveUp: true } }]);
      await end();
    });

    test('fail once another call has failed', async () => {
      const { proxy, store, free, end } = await silent();
      const produce = () => free.produce([{ items: [item('a')] }], HOUR);
      const counting = Promise.allSettled([store.stats()]);
      await vi.waitFor(async () => expect(await underWay()).toBe(1), 10_000);
      await produce();
      proxy.blackHole();
      await expect(produce()).rejects.toMatchObject({ outcome: 'unknown' });
      expect(await counting).toMatchObject([{ status: 'rejected', reason: { name: 'StorageError' } }]);
      await end();
    });

    test('that begin after the failure fail as soon as other calls', async () => {
      const { proxy, store, end } = await silent();
      proxy.blackHole();
      await expect(store.stats()).rejects.toMatchObject({ name: 'StorageError', outcome: 'not-applied' });
      await end();
    });
  });
});
