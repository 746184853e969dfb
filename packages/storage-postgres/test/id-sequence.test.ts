import { type ItemId, milliseconds, type PartitionStore, silentLogger } from '@querator/core';
import { createTestDatabase, startTemporaryCluster, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'numbered', partition: 0 };
const TABLE = itemsTableName(KEY);
const SET_BACK = `SELECT setval('querator_item_id', 1, false)`;
const RULES = { maxAttempts: 0, dead: 'delete' } as const;
const IMPORTED = { isLeased: false, attempts: 0, maxAttempts: 0 };

let database: TestDatabase;
let backend: ReturnType<typeof testBackend>;
let admin: pg.Client;
let store: PartitionStore;

beforeEach(async () => {
  database = await createTestDatabase();
  backend = testBackend(database.connectionString);
  admin = new pg.Client(database.connectionString);
  await admin.connect();
  store = backend.partitionStore(KEY);
});
afterEach(async () => {
  await admin.end();
  await backend.close();
  await database.drop();
});

const produce = (reference: string, into = store) => into.produce([{ items: [item(reference)] }], HOUR);

/** References in the order in which consumers get them. */
async function order(of = store): Promise<readonly string[]> {
  const items = await of.lease({ limit: 100, leaseTimeout: HOUR });
  return items.map(({ reference }) => reference);
}

const leaseOne = async (leaseTimeout = HOUR): Promise<ItemId> => {
  const [leased] = await store.lease({ limit: 1, leaseTimeout });
  return leased?.id ?? '';
};

const sweep = () => store.sweep({ ...RULES, limit: 100, claimTimeout: HOUR });

describe('a sequence of item ids that is set back under a running server', () => {
  test('puts no new item before an old one, even if it is set back repeatedly', async () => {
    for (const n of [0, 1, 2]) await produce(`old-${n}`);
    for (const n of [0, 1, 2]) {
      await admin.query(SET_BACK);
      await produce(`new-${n}`);
    }
    expect(await order()).toEqual(['old-0', 'old-1', 'old-2', 'new-0', 'new-1', 'new-2']);
  });

  let held: ItemId = '';

  /** Each writes one item named `late` after `waiting`, in its own way. Some have an item prepared for it. */
  const WAYS: Record<
    string,
    { readonly before?: () => Promise<unknown>; readonly write: () => Promise<unknown> | undefined }
  > = {
    'scheduled when it is produced, and due at once': {
      write: () => store.produce([{ items: [{ ...item('late'), enqueueAt: 0n as never }] }], HOUR),
    },
    'produced for waiting consumers': {
      write: () =>
        store.produceAndLease?.([{ items: [item('late')] }], HOUR, { limit: 1, leaseTimeout: HOUR }),
    },
    'of a request next to a refused one': {
      write: () =>
        store.produce([{ items: [item('late')] }, { items: [{ ...item('bad'), kind: '\0' }] }], HOUR),
    },
    'produced under a dedup key': {
      write: () =>
        store.produceKeyed?.([{ groups: [{ key: 'k', items: [item('late')] }], window: HOUR }], {
          ...{ expireTimeout: HOUR, newKeys: 'store' },
        }),
    },
    'produced with metadata': {
      write: () => store.produce([{ items: [{ ...item('late'), metadata: new Map([['a', 'b']]) }] }], HOUR),
    },
    'transferred from another partition': {
      write: async () => {
        const other = backend.partitionStore({ ...KEY, partition: 1 });
        const [found] = await other.import([{ ...item('late'), ...IMPORTED }], HOUR);
        await admin.query(SET_BACK);
        const target = store.transferTarget as object;
        return other.transfer?.({ ids: [found?.id ?? ''], state: 'waiting', target, expireTimeout: HOUR });
      },
    },
    imported: { write: () => store.import([{ ...item('late'), ...IMPORTED }], HOUR) },
    retried: {
      before: () => produce('late'),
      write: async () => store.retry([{ items: [{ id: held, dead: false }] }], RULES),
    },
    'retried next to an item that is not leased': {
      before: () => produce('late'),
      write: async () =>
        store.retry([{ items: [{ id: held, dead: false }] }, { items: [{ id: 'no', dead: false }] }], RULES),
    },
    'of an ended lease': { before: () => produce('late'), write: sweep },
    'of a schedule that comes due': {
      before: () => store.import([{ ...item('late'), ...IMPORTED, enqueueAt: 1_000_000n as never }], HOUR),
      write: sweep,
    },
    'a committed letter': {
      before: () =>
        store.prepareLetters([{ ...item('late'), sourceId: 'a' }], {
          expireTimeout: HOUR,
          autoCommitTimeout: HOUR,
        }),
      write: () => store.commitLetters(['a']),
    },
  };

  for (const [way, { before, write }] of Object.entries(WAYS)) {
    test(`puts no new item before an old one: ${way}`, async () => {
      await store.stats();
      await admin.query(`SELECT nextval('querator_item_id') FROM generate_series(1, 5)`);
      await before?.();
      held = await leaseOne(way === 'of an ended lease' ? milliseconds(0) : HOUR);
      await produce('waiting');
      await admin.query(SET_BACK);
      await write();
      expect(await order()).toEqual(['waiting', 'late']);
    });
  }

  test('puts no item of a large statement before an old one', async () => {
    await produce('old');
    await admin.query(SET_BACK);
    await store.produce([{ items: [item('late')] }, { items: [] }, { items: [item('later')] }], HOUR);
    expect(await order()).toEqual(['old', 'late', 'later']);
  });

  test('puts no items of concurrent statements before an old one', async () => {
    await produce('old');
    await admin.query(SET_BACK);
    const late = Array.from({ length: 20 }, (_, n) => `late-${n}`);
    await Promise.all(late.map((reference) => produce(reference)));
    const items = await order();
    expect(items[0]).toBe('old');
    expect(items.toSorted()).toEqual(['old', ...late].toSorted());
  });

  test('puts no item of another process, whose last known number is older, before an old one', async () => {
    const other = testBackend(database.connectionString);
    const others = other.partitionStore(KEY);
    await produce('others-0', others);
    for (const n of [0, 1, 2]) await produce(`old-${n}`);
    await admin.query(SET_BACK);
    await produce('others-1', others);
    await produce('new');
    expect(await order()).toEqual(['others-0', 'old-0', 'old-1', 'old-2', 'others-1', 'new']);
    await other.close();
  });

  test('is raised, and never set back', async () => {
    for (const n of [0, 1, 2]) await produce(`old-${n}`);
    const last = async () =>
      Number((await admin.query('SELECT last_value FROM querator_item_id')).rows[0].last_value);
    await admin.query(SET_BACK);
    await produce('new');
    const raised = await last();
    expect(raised).toBeGreaterThan(1_000_000);
    await produce('next');
    expect(await last()).toBe(raised + 1);
  });

  test('is raised once, with one line in the log', async () => {
    const warn = vi.fn();
    const told = testBackend(database.connectionString, { logger: { ...silentLogger, warn } });
    const store = told.partitionStore(KEY);
    for (const n of [0, 1, 2]) await produce(`old-${n}`, store);
    expect(warn).not.toHaveBeenCalled();
    await admin.query(SET_BACK);
    await produce('new', store);
    await produce('next', store);
    expect(warn.mock.calls).toEqual([
      [
        'the sequence of item ids stood below ids that are in use, and was raised',
        { storage: told.name, table: TABLE, from: expect.any(String), to: expect.any(String) },
      ],
    ]);
    await told.close();
  });

  test("is detected whatever the language of the server's messages", async () => {
    await produce('old');
    await admin.query(`DO $$ BEGIN
      EXECUTE format('ALTER DATABASE %I SET lc_messages = ''de_DE.UTF-8''', current_database());
      EXCEPTION WHEN invalid_parameter_value OR insufficient_privilege THEN NULL; END $$`);
    const german = testBackend(database.connectionString);
    const store = german.partitionStore(KEY);
    await produce('older', store);
    await admin.query(SET_BACK);
    await produce('new', store);
    expect(await order()).toEqual(['old', 'older', 'new']);
    await german.close();
  });
});

test('tables that were restored under a running server keep their order', async () => {
  const references = ['first', 'second', 'third'];
  for (const reference of references) await produce(reference);
  await admin.query(`CREATE TABLE kept AS SELECT * FROM ${TABLE}`);
  await admin.query(`TRUNCATE ${TABLE}`);
  await admin.query(`INSERT INTO ${TABLE} SELECT * FROM kept`);
  await admin.query(SET_BACK);
  await produce('new');
  expect(await order()).toEqual([...references, 'new']);
});

describe('another database server', { timeout: 60_000 }, () => {
  let cluster: Awaited<ReturnType<typeof startTemporaryCluster>>;
  beforeEach(async () => {
    cluster = await startTemporaryCluster({ volatile: true });
  });
  afterEach(() => cluster.stop());

  /**
   * The sequence is set back to the number that this process knows, and not below.
   * Only the table shows that other processes have used more.
   */
  test('gets no write before the process has checked the table', async () => {
    const url = cluster.connectionString('postgres');
    const [mine, others] = [testBackend(url), testBackend(url)];
    const [store, other] = [mine.partitionStore(KEY), others.partitionStore(KEY)];
    await produce('mine-0', store);
    const client = new pg.Client(url);
    await client.connect();
    const { rows } = await client.query('SELECT last_value FROM querator_item_id');
    for (const n of [0, 1, 2]) await produce(`others-${n}`, other);
    await client.query(`SELECT setval('querator_item_id', ${rows[0].last_value})`);
    await client.end();
    await cluster.halt();
    await cluster.start();
    // A connection that was idle meanwhile is found dead by a statement that may be repeated.
    await expect
      .poll(() =>
        store.stats().then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    await produce('mine-1', store);
    expect(await order(store)).toEqual(['mine-0', 'others-0', 'others-1', 'others-2', 'mine-1']);
    await mine.close();
    await others.close();
  });
});
