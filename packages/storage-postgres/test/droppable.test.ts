import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HOUR, item } from './support/contents.ts';
import { createRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'my-queue', partition: 0 };
const TABLE = 'items_255436d8bdc5_000000';

describe('a table that another session reads for a long time', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let dump: pg.Client;
  const closing: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    dump = new pg.Client({ connectionString: database.connectionString, application_name: 'nightly dump' });
    await dump.connect();
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await dump.end();
    await database.drop();
  });

  function storeWith(
    timeouts: Parameters<typeof testBackend>[1],
    owner?: Parameters<ReturnType<typeof testBackend>['partitionStore']>[1],
  ) {
    const backend = testBackend(database.connectionString, timeouts);
    closing.push(() => backend.close());
    return backend.partitionStore(KEY, owner);
  }
  const produced = async (store: ReturnType<typeof storeWith>) => {
    await store.produce([{ items: [item('a')] }], HOUR);
    return store;
  };
  const beginDump = () => dump.query(`BEGIN; SELECT count(*) FROM ${TABLE}`);
  const rows = async () => (await dump.query(`SELECT count(*)::int AS count FROM ${TABLE}`)).rows[0].count;

  test('can be dropped once that session has ended, and serves producers and consumers until then', async () => {
    // A request behind a lock request on the whole table would fail if that waited longer than this.
    const store = await produced(storeWith({ timeouts: { lockMs: 400 } }));
    await beginDump();
    let isDroppable = false;
    const waiting = store.untilDroppable?.().then(() => {
      isDroppable = true;
    });
    for (let n = 0; n < 100; n++) {
      await produced(store);
      const [leased] = await store.lease({ limit: 1, leaseTimeout: HOUR });
      expect(await store.complete([{ ids: [leased?.id ?? ''] }])).toEqual([{ ok: true, value: undefined }]);
    }
    expect(isDroppable).toBe(false);
    await dump.query('COMMIT');
    await waiting;
    // The table was only checked.
    expect(await rows()).toBe(1);
    await store.drop();
    expect((await dump.query(`SELECT to_regclass('${TABLE}') AS oid`)).rows[0].oid).toBeNull();
  });

  test.each([
    ['to wait', 'untilDroppable', { maintenanceMs: 500 }],
    ['to drop', 'drop', { lockMs: 500 }],
  ] as const)(
    'ends an attempt %s that takes too long, names the session, and changes nothing',
    async (_, call, timeouts) => {
      const store = await produced(storeWith({ timeouts }));
      await beginDump();
      await expect(store[call]?.()).rejects.toMatchObject({
        ...{ name: 'StorageError', outcome: 'not-applied', locked: true },
        message: expect.stringMatching(
          new RegExp(
            `^storage 'postgres-01': not locked within 500 ms, ${TABLE} is held by session \\d+ \\(nightly dump, .*idle in transaction, for \\d+ s\\)$`,
          ),
        ),
      });
      await dump.query('COMMIT');
      expect(await rows()).toBe(1);
    },
  );

  test('counts as locked also if the session only reads the dedup keys', async () => {
    const store = storeWith({ timeouts: { maintenanceMs: 300 } });
    const groups = [{ key: 'a', items: [item('a')] }];
    await store.produceKeyed?.([{ groups, window: HOUR }], { expireTimeout: HOUR, newKeys: 'store' });
    const keys = TABLE.replace('items', 'keys');
    await dump.query(`BEGIN; SELECT count(*) FROM ${keys}`);
    await expect(store.untilDroppable?.()).rejects.toMatchObject({
      ...{ locked: true, message: expect.stringContaining(`${keys} is held by session`) },
    });
    await dump.query('COMMIT');
  });

  test('of an earlier queue blocks no statement while the server tries to remove it', async () => {
    const owner = (createdAt: bigint, wasDeleted = true) => ({
      createdAt: createdAt as never,
      isThere: async () => true,
      wasDeleted: async () => wasDeleted,
    });
    await produced(storeWith({}, owner(1_000_000n)));
    await beginDump();
    const later = storeWith({ timeouts: { lockMs: 300 } }, owner(2_000_000n));
    await expect(later.stats()).rejects.toMatchObject({ locked: true });
    await dump.query('COMMIT');
    expect(await later.stats()).toMatchObject({ waiting: 0 });
  });

  test('cannot be dropped by a role that does not own it, and the error comes before any change', async () => {
    await produced(storeWith({}));
    const role = await createRole(database, 'user');
    await dump.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role.name}`);
    const backend = testBackend(role.connectionString);
    await expect(backend.partitionStore(KEY).untilDroppable?.()).rejects.toMatchObject({
      ...{ locked: false, message: `storage 'postgres-01': only its owner may drop table ${TABLE}` },
    });
    await backend.close();
    await role.drop();
  });

  test('that does not exist counts as droppable', async () => {
    await storeWith({}).untilDroppable?.();
  });
});
