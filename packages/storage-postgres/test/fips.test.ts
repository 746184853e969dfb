import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { keysTableName } from '../src/sql/table-name.ts';
import { useAllOfAccess } from './support/access-records.ts';
import { auditEvent } from './support/audit-content.ts';
import { HOUR, item } from './support/contents.ts';
import { FIRST_VERSION_ROWS, FIRST_VERSION_TABLES } from './support/first-version.ts';
import { createOwner } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

/** They have the same hash; see same-hash.test.ts. */
const [ONE, OTHER] = ['q-5507462', 'q-29312359'] as const;

const queue = (name: string) => ({
  ...{ name, namespace: '', leaseTimeout: HOUR, expireTimeout: HOUR, deadQueue: '' },
  ...{ maxAttempts: 0, reference: '', requestedPartitions: 1, partitions: [] },
});

describe('a database that refuses md5(), as in FIPS mode', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let owner: Awaited<ReturnType<typeof createOwner>>;
  let admin: pg.Client;
  const open: ReturnType<typeof testBackend>[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    owner = await createOwner(database);
    admin = new pg.Client(database.connectionString);
    await admin.connect();
    await replaceMd5();
  });
  afterEach(async () => {
    for (const each of open.splice(0)) await each.close();
    await admin.end();
    await owner.drop();
    await database.drop();
  });

  function backend() {
    const opened = testBackend(owner.connectionString);
    open.push(opened);
    return opened;
  }

  /**
   * Replaces md5() by a function that can fail as it does over an OpenSSL in FIPS
   * mode. PostgreSQL's own is compiled into the server.
   */
  async function replaceMd5(): Promise<void> {
    await admin.query('ALTER FUNCTION pg_catalog.md5(text) RENAME TO openssl_md5');
    await admin.query(`CREATE FUNCTION pg_catalog.md5(text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT
      AS $$BEGIN
        IF current_setting('openssl.fips', true) = 'on' THEN
          RAISE 'could not compute MD5 hash: unsupported' USING ERRCODE = 'XX000';
        END IF;
        RETURN pg_catalog.openssl_md5($1);
      END$$`);
  }

  /** From now on, in new sessions. */
  async function refuseMd5(): Promise<void> {
    await admin.query(`ALTER DATABASE ${database.name} SET openssl.fips = on`);
  }

  async function useEverything(name: string): Promise<void> {
    const storage = backend();
    const queues = storage.queueStore();
    await queues.create(queue(name));
    await expect(queues.create(queue(name))).rejects.toThrow(`'${name}' already exists`);
    expect((await queues.update(name, (stored) => ({ ...stored, deadQueue: 'd' })))?.deadQueue).toBe('d');
    const store = storage.partitionStore({ queue: name, partition: 0 });
    await store.produce([{ items: [item('a')] }], HOUR);
    expect(await store.lease({ limit: 1, leaseTimeout: HOUR })).toHaveLength(1);
    await storage.ping();
    const groups = [{ key: 'a', items: [{ ...item('b'), metadata: new Map([['c', 'd']]) }] }];
    const keyed = () =>
      store.produceKeyed?.([{ groups, window: HOUR }], { expireTimeout: HOUR, newKeys: 'store' });
    for (const state of ['stored', 'duplicate']) {
      expect(await keyed()).toMatchObject([{ ok: true, value: { groups: [{ state }] } }]);
    }
    expect(await queues.pause?.(name, { produce: { until: undefined } })).toMatchObject({ name });
    await useAllOfAccess(storage.accessStore());
    await storage.auditStore().append([auditEvent('a')]);
    const record = { id: 'a', name: 'a', version: '1', storages: [], capabilities: [] };
    expect((await storage.instanceStore().beat(record)).instances).toHaveLength(1);
    await store.drop();
    expect(await queues.delete(name)).toBe(true);
  }

  test('is served when it is new', async () => {
    await refuseMd5();
    await useEverything('new');
  });

  test('is served when it has queues in the index on their hashes', async () => {
    await backend().queueStore().create(queue('old'));
    await refuseMd5();
    const stored = await backend()
      .queueStore()
      .update('old', (each) => ({ ...each, deadQueue: 'd' }));
    expect(stored?.deadQueue).toBe('d');
    await useEverything('new');
    const { rows } = await admin.query(`SELECT to_regclass('querator_queues_hash') AS index`);
    expect(rows).toEqual([{ index: null }]);
  });

  test('is served when it has tables of the first version', async () => {
    const client = new pg.Client(owner.connectionString);
    await client.connect();
    for (const text of [...FIRST_VERSION_TABLES, ...FIRST_VERSION_ROWS]) await client.query(text);
    await client.end();
    await refuseMd5();
    expect(await backend().queueStore().get('my-queue')).toMatchObject({ name: 'my-queue' });
    await useEverything('new');
  });

  test('keeps apart queues whose names have the same hash', async () => {
    await refuseMd5();
    await backend().queueStore().create(queue('first'));
    const stores = [backend().queueStore(), backend().queueStore()];
    const outcomes = await Promise.allSettled(
      [ONE, OTHER].map((name, n) => stores[n]?.create(queue(name ?? ''))),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(outcomes.find((each) => each.status === 'rejected')?.reason.message).toMatch(
      /^invalid queue; 'q-\d+' cannot be stored beside 'q-\d+', as their tables would have the same name$/,
    );
  });
});

test('needs nothing of OpenSSL for the names of tables', () => {
  const createHash = vi.spyOn(crypto, 'createHash').mockImplementation(() => {
    throw new Error('error:0308010C:digital envelope routines::unsupported');
  });
  syncBuiltinESMExports();
  try {
    expect(itemsTableName({ queue: 'my-queue', partition: 0 })).toBe('items_255436d8bdc5_000000');
    expect(keysTableName({ queue: 'my-queue', partition: 0 })).toBe('keys_255436d8bdc5_000000');
  } finally {
    createHash.mockRestore();
    syncBuiltinESMExports();
  }
});
