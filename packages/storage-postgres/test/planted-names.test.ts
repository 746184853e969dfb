import {
  addDuration,
  type Instant,
  type ItemFilter,
  type LeasedItem,
  milliseconds,
  type PartitionStore,
  type ScheduleStore,
  SystemClock,
  SystemRandom,
} from '@querator/core';
import { installSql } from '@querator/outbox';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { itemsTableName, PoolRegistry, postgresItemsTables, postgresOutbox } from '../src/index.ts';
import { useAllOfAccess } from './support/access-records.ts';
import { auditEvent, EVERYTHING } from './support/audit-content.ts';
import { HOUR, item } from './support/contents.ts';
import { plantedThatRan, plantNames } from './support/planted-names.ts';
import { recordCalls } from './support/recorded-calls.ts';
import { createRole, type TestRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';
import { useAllOfMoves, useAllOfPlacements } from './support/use-moves.ts';
import { useAllOfRates } from './support/use-rates.ts';
import { useAllOfTasks } from './support/use-tasks.ts';

const KEY = { queue: 'planted', partition: 0 };
const QUEUE = {
  ...{ name: KEY.queue, namespace: '', leaseTimeout: HOUR, expireTimeout: HOUR, deadQueue: '' },
  ...{ maxAttempts: 0, reference: '', requestedPartitions: 1 },
  partitions: [{ partition: 0, storageName: 'postgres-01' }],
};
const NOW = milliseconds(0);
const SWEEP = { limit: 10, maxAttempts: 2, claimTimeout: NOW };
const WAIT_OPTIONS = { timeout: 10_000, interval: 10 };

/** A path in which names in `public` come before PostgreSQL's own. */
const PATH = 'options=-csearch_path%3Dapp%2Cpublic%2Cpg_catalog';

describe('objects that other roles create in schemas of the search path', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let mallory: pg.Client;
  let server: TestRole;
  let malloryRole: TestRole;

  beforeEach(async () => {
    database = await createTestDatabase();
    server = await createRole(database, 'server');
    malloryRole = await createRole(database, 'mallory');
    const admin = new pg.Client(database.connectionString);
    await admin.connect();
    for (const text of [
      `CREATE SCHEMA app AUTHORIZATION ${server.name}`,
      `GRANT CREATE ON SCHEMA public TO ${malloryRole.name}`,
      `GRANT CREATE ON DATABASE ${database.name} TO ${malloryRole.name}`,
    ]) {
      await admin.query(text);
    }
    await admin.end();
    mallory = new pg.Client(malloryRole.connectionString);
    await mallory.connect();
  });
  afterEach(async () => {
    await mallory.end();
    await malloryRole.drop();
    await server.drop();
    await database.drop();
  });

  /** Every call of the ports, each with the statements for its different cases. */
  async function useEverything(query: string): Promise<void> {
    const connectionString = `${server.connectionString}?${PATH}${query}`;
    const { backend, missing } = recordCalls(testBackend(connectionString));
    try {
      const queues = backend.queueStore();
      const queue = await queues.create(QUEUE);
      await expect(queues.create(QUEUE)).rejects.toThrow('already exists');
      expect(await queues.get(KEY.queue)).toEqual(queue);
      await queues.update(KEY.queue, (stored) => ({ ...stored, reference: 'r' }));
      await queues.pause?.(KEY.queue, { lease: { until: undefined } }, () => auditEvent('pause'));
      expect(await queues.list({ namespace: '', pivot: '', limit: 10 })).toHaveLength(1);
      expect((await queues.stamps([KEY.queue])).size).toBe(1);
      expect(await queues.findByDeadQueue(KEY.queue)).toBeUndefined();
      expect((await queues.partitionCounts()).size).toBe(1);
      const { createdAt } = queue;
      const owner = { createdAt, isThere: async () => true, wasDeleted: async () => false };
      await useItems(backend.partitionStore(KEY, owner));
      await useOutbox(connectionString, backend);
      await useSearches(backend);
      await useSchedules(backend.scheduleStore(), createdAt);
      await backend.ping();
      expect(await backend.now()).toBeGreaterThan(0n);
      for (const deadlines of [true, false]) await backend.poll([KEY], { deadlines });
      expect(await backend.measure([KEY])).toEqual([{ items: 0, bytes: 0 }]);
      await useCounts(backend, createdAt);
      await useProcessesAndAccess(backend);
      await useAllOfTasks(backend.taskStore());
      await useAllOfRates(backend.rateStore());
      await useAllOfMoves(backend);
      await useAllOfPlacements(queues, KEY.queue);
      backend.signals?.publish('topic');
      if (query !== '&pooler=transaction') {
        await vi.waitFor(() => expect(backend.signals?.listening).toBe(true), WAIT_OPTIONS);
      }
      await useOperatorsTool(connectionString, backend);
      await backend.partitionStore(KEY, owner).untilDroppable?.();
      for (const timeout of [HOUR, undefined]) {
        expect(await queues.close?.(KEY.queue, createdAt, { token: 'token', timeout })).toBe(true);
      }
      expect(await backend.partitionStore(KEY, owner).dropEmpty?.()).toBe(true);
      await backend.partitionStore(KEY, owner).drop();
      expect(await queues.beginDelete(KEY.queue, createdAt, { timeout: HOUR, check: () => {} })).toBe(true);
      expect(
        await queues.delete(
          KEY.queue,
          createdAt,
          () => {},
          () => auditEvent('delete'),
        ),
      ).toBe(true);
      expect(await queues.wasDeleted(KEY.queue, createdAt)).toBe(true);
      await queues.forgetDeletion(KEY.queue, createdAt);
      expect(missing()).toEqual([]);
    } finally {
      await backend.close();
    }
  }

  async function useCounts(backend: ReturnType<typeof testBackend>, createdAt: Instant) {
    const nothing = { waiting: 0, leased: 0, scheduled: 0 };
    expect(await backend.countSmall([{ ...KEY, createdAt }])).toMatchObject([nothing]);
    expect(await backend.partitionStore(KEY).stats({ mayEstimate: true })).toMatchObject(nothing);
  }

  /** Leaves no item. */
  async function useOutbox(connectionString: string, backend: ReturnType<typeof testBackend>) {
    const admin = new pg.Client(database.connectionString);
    await admin.connect();
    await admin.query(`SET search_path = pg_catalog; ${installSql()}
      GRANT USAGE ON SCHEMA querator_outbox TO ${server.name};
      GRANT ALL ON ALL TABLES IN SCHEMA querator_outbox TO ${server.name};
      INSERT INTO querator_outbox.outbox (queue, payload) VALUES ('planted', '1'), ('planted', '2')`);
    const deps = { registry: new PoolRegistry(), random: new SystemRandom() };
    const outbox = postgresOutbox({ connectionString, schema: 'querator_outbox', ...deps });
    const held = { schema: outbox.schema, token: 't' };
    try {
      expect(await outbox.hold({ token: 't', server: 's' })).toBe(true);
      expect(await outbox.queues('', 10)).toHaveLength(1);
      const { rows, drops } = await outbox.rows(KEY.queue, { rows: 10, bytes: 1_000 });
      const [first, second] = rows.map(({ id }) => id) as [string, string];
      expect(await backend.hasOutbox?.(held)).toBe(true);
      const store = backend.partitionStore(KEY);
      const move = { outbox: held, queue: KEY.queue, ids: [first] };
      expect(await store.produceFromOutbox?.([item('1')], move, HOUR)).toMatchObject({ ok: true });
      expect(await store.deleteEach?.(['x'])).toEqual([]);
      expect(await store.clear({ waiting: true, leased: false, scheduled: false })).toBe(1);
      const begun = await outbox.beginBatch(KEY.queue, { ids: [second], drops, token: 't' });
      expect(await outbox.batch(KEY.queue, 't')).toMatchObject({ isOwn: true });
      const fault = { queue: KEY.queue, rowId: second, code: 'invalid', reason: '', retryAfterMs: 0 };
      expect(await outbox.fail(fault, 't')).toBe(1);
      expect(await outbox.list('')).toHaveLength(1);
      expect(await outbox.retry(KEY.queue)).toBe(true);
      expect(await outbox.drop(KEY.queue, undefined)).toEqual({ dropped: 0, inBatch: 1 });
      await outbox.endBatch(begun as NonNullable<typeof begun>);
      await outbox.release('t');
    } finally {
      await outbox.close();
      await admin.query('DROP SCHEMA querator_outbox CASCADE');
      await admin.end();
    }
  }

  async function useProcessesAndAccess(backend: ReturnType<typeof testBackend>) {
    const instances = backend.instanceStore();
    const ignore = instances.watchUnrecorded?.(() => {});
    const record = { id: 'one', name: 'one', version: '1', storages: [], capabilities: [] };
    for (let beat = 0; beat < 2; beat++) expect((await instances.beat(record)).instances).toHaveLength(1);
    await instances.remove('one');
    ignore?.();
    await useAllOfAccess(backend.accessStore());
    expect(await backend.accessStore().sessionKey('made')).toBe('made');
    expect(await backend.accessStore().sessionKey('other')).toBe('made');
    await backend.accessStore().change(
      async (transaction) => {
        expect(await transaction.namespaceHasQueues('none')).toBe(false);
      },
      () => auditEvent('access'),
    );
    const audit = backend.auditStore();
    await audit.append([auditEvent('alone')]);
    expect((await audit.list(EVERYTHING)).events).toHaveLength(4);
    expect((await audit.list({ ...EVERYTHING, actor: 'u', actions: ['queues.create'] })).events).toHaveLength(
      4,
    );
    expect(await audit.prune(NOW, 10)).toBe(4);
  }

  /** Every condition of a filter, and a transfer to another partition. */
  async function useSearches(backend: ReturnType<typeof testBackend>) {
    const [store, other] = [0, 1].map((partition) => backend.partitionStore({ ...KEY, partition }));
    await store?.produce([{ items: [item('found')] }], HOUR);
    const range = { from: NOW as never, to: undefined };
    const filters: readonly ItemFilter[] = [
      ...([
        {},
        { state: 'waiting' },
        { state: 'leased' },
        { state: 'scheduled' },
        { state: 'dead' },
      ] as const),
      ...[{ ids: ['x'] }, { firstId: 'x' }, { sourceId: 'x' }, { reference: 'found' }, { kind: 'x' }],
      ...[
        { encoding: 'x' },
        { metadata: new Map([['a', 'b']]) },
        { error: 'x' },
        { payload: new Uint8Array(1) },
      ],
      ...[{ reason: 'expired' as const }, { created: range }, { due: range }],
    ];
    for (const filter of filters) await store?.find?.({ filter, limit: 10, withPayload: true });
    const [found] = (await store?.find?.({ filter: { reference: 'found' }, limit: 10 }))?.items ?? [];
    const target = other?.transferTarget as object;
    const transfer = { ids: [found?.id ?? ''], target, expireTimeout: HOUR };
    for (const state of ['scheduled', 'waiting'] as const) await store?.transfer?.({ ...transfer, state });
    expect((await other?.stats())?.waiting).toBe(1);
    if (other !== undefined) await useTakenItems(other);
    await other?.drop();
  }

  /** A task that takes an item and returns it, and then takes and removes it. */
  async function useTakenItems(store: PartitionStore) {
    const [waiting] = await store.list({ state: 'queued', pivot: '', limit: 1 });
    const ids = [waiting?.id ?? ''];
    await store.takeItems?.({ task: 't', ids, target: KEY });
    expect(await store.takenItems?.('t', 10)).toHaveLength(1);
    expect(await store.returnTaken?.({ task: 't', ids })).toBe(1);
    await store.takeItems?.({ task: 't', ids, target: KEY });
    expect(await store.markTaken?.({ task: 't', ids })).toMatchObject({ marked: ids });
    await store.removeTaken?.({ task: 't', ids });
  }

  async function useSchedules(store: ScheduleStore, queueCreatedAt: Instant) {
    const times = { dueAt: undefined, backlog: undefined, firedAt: undefined, failure: undefined };
    const state = { ...times, fired: 0, missed: 0 };
    const schedule = {
      ...{ id: 's', namespace: '', name: 's', queueName: KEY.queue, queueCreatedAt, createdBy: '' },
      ...{ cron: '* * * * *', timeZone: 'UTC', missed: 'one' as const, until: undefined, item: item('s') },
    } as const;
    const due = { limit: 10, timeout: HOUR };
    expect((await store.claim(due)).claimed).toEqual([]);
    await store.create(
      schedule,
      (now) => ({ ...state, dueAt: now }),
      () => auditEvent('schedule'),
    );
    expect(await store.list({ namespace: '', queueName: KEY.queue, pivot: '', limit: 10 })).toHaveLength(1);
    const [claimed] = (await store.claim(due)).claimed;
    const settled = { id: 's', claim: claimed?.claim ?? 0, state, doubtful: false };
    expect(await store.settle(settled)).toBe(true);
    await store.update('', 's', (stored) => ({ ...stored, paused: true }));
    expect(await store.delete('', 's')).toBe(true);
  }

  async function useOperatorsTool(connectionString: string, backend: ReturnType<typeof testBackend>) {
    const tables = postgresItemsTables({
      ...{ name: 'postgres-01', connectionString, registry: new PoolRegistry(), random: new SystemRandom() },
      queues: backend.queueStore(),
    });
    try {
      expect(await tables.list({ all: true })).toHaveLength(2);
      expect(await tables.adopt(itemsTableName(KEY), {})).toMatchObject({ wasOwn: true });
      await expect(tables.drop(itemsTableName(KEY), { force: true })).rejects.toThrow('in use');
    } finally {
      await tables.close();
    }
  }

  async function useItems(store: ReturnType<ReturnType<typeof testBackend>['partitionStore']>) {
    const later = addDuration(new SystemClock().now(), milliseconds(150));
    await store.produce([{ items: [1, 2, 3, 4, 5, 6].map((n) => item(`${n}`)) }], HOUR);
    await store.produce([{ items: [{ ...item('later'), enqueueAt: later }] }], HOUR);
    await useDedupKeys(store);
    await store.produceAndLease?.([{ items: [item('7')] }], HOUR, { limit: 1, leaseTimeout: HOUR });
    const take = async (limit: number, leaseTimeout = HOUR) => {
      const taken = await store.lease({ limit, leaseTimeout });
      expect(taken).toHaveLength(limit);
      return taken.map(({ id }: LeasedItem) => id);
    };
    const [one = '', two = ''] = await take(2);
    const extended = { id: one, leaseTimeout: HOUR };
    expect(await store.extend?.([extended])).toMatchObject([{ ok: true }]);
    expect(await store.extend?.([{ ...extended, maxHold: HOUR }])).toMatchObject([{ ok: true }]);
    expect(await store.complete([{ ids: [one] }])).toMatchObject([{ ok: true }]);
    expect(await store.complete([{ ids: [two] }, { ids: [one] }])).toMatchObject([
      { ok: true },
      { ok: false },
    ]);
    const retry = (ids: readonly string[], dead: boolean, fate: 'move' | 'delete') =>
      store.retry([{ items: ids.map((id) => ({ id, dead })) }], { maxAttempts: 2, dead: fate });
    expect(await retry(await take(1), false, 'delete')).toMatchObject([{ ok: true, value: { waiting: 1 } }]);
    expect(await retry(await take(1), true, 'move')).toMatchObject([{ value: { moving: 1 } }]);
    const swept = await store.sweep({ ...SWEEP, dead: 'move' });
    const dead = swept.dead.map(({ id }) => id);
    expect(dead).toHaveLength(1);
    expect(await store.markMoved(dead)).toMatchObject({ marked: dead });
    await store.remove(dead);
    expect(await store.release(await take(1))).toBe(1);
    await take(1, NOW);
    expect(await store.sweep({ ...SWEEP, dead: 'delete' })).toMatchObject({ requeued: 1 });
    const imported = { ...item('imported'), isLeased: false, attempts: 0, maxAttempts: 0 };
    expect(await store.import([imported], HOUR)).toHaveLength(1);
    await store.prepareLetters([{ ...item('l'), sourceId: 'l' }], {
      expireTimeout: HOUR,
      autoCommitTimeout: HOUR,
    });
    expect(await store.findLetters?.(['l'])).toEqual(['l']);
    expect(await store.commitLetters(['l'])).toBe(1);
    expect(await store.abortLetters(['l'])).toBe(0);
    await store.probe();
    expect((await store.stats()).waiting).toBeGreaterThan(0);
    for (const state of ['queued', 'scheduled'] as const) await store.list({ state, pivot: '', limit: 10 });
    expect(await store.delete([one])).toBe(0);
    expect(await store.deleteSeen?.([{ id: one, state: 'leased', attempts: 1 }])).toBe(0);
    expect(await store.makeDue?.([one])).toBe(0);
    expect(await store.lastId?.()).toBeDefined();
    expect(await store.clear({ waiting: true, leased: true, scheduled: true })).toBeGreaterThan(0);
  }

  /** Leaves no item. */
  async function useDedupKeys(store: ReturnType<ReturnType<typeof testBackend>['partitionStore']>) {
    const groups = [{ key: 'k', items: [{ ...item('k'), metadata: new Map([['a', 'b']]) }] }];
    for (const newKeys of ['store', 'store', 'refuse'] as const) {
      const options = { expireTimeout: HOUR, newKeys };
      const [outcome] = (await store.produceKeyed?.([{ groups, window: HOUR }], options)) ?? [];
      expect(outcome).toMatchObject({ ok: true });
    }
    const held = [{ key: 'k', items: [{ ...item('i'), isLeased: false, attempts: 0, maxAttempts: 0 }] }];
    const results = await store.importKeyed?.({ groups: held, window: HOUR, expireTimeout: HOUR });
    expect(results).toEqual([[undefined]]);
    expect(await store.countKeys?.()).toBe(1);
    const { keys = [] } = (await store.readKeys?.({ after: undefined, limit: 10 })) ?? {};
    expect(keys).toMatchObject([{ key: 'k' }]);
    expect(await store.storeKeys?.(keys)).toBe(0);
    expect(await store.sweepKeys?.(10)).toMatchObject({ removed: 0 });
    const [keyed] = await store
      .list({ state: 'queued', pivot: '', limit: 10, details: true })
      .then((all) => all.slice(-1));
    expect(await store.delete([keyed?.id ?? ''])).toBe(1);
    const leasing = [{ groups: [{ key: 'l', items: [item('l')] }], window: HOUR }];
    const lease = { limit: 1, leaseTimeout: HOUR };
    await store.produceKeyedAndLease?.(leasing, { expireTimeout: HOUR, newKeys: 'store' }, lease);
    const [last] = (await store.list({ state: 'queued', pivot: '', limit: 10 })).slice(-1);
    expect(await store.delete([last?.id ?? ''])).toBe(1);
  }

  test.each([
    ['without a pooler', ''],
    ['with pooler=session', '&pooler=session'],
    ['with pooler=transaction', '&pooler=transaction'],
  ])('functions, operators, types and views are not run: %s', async (_, query) => {
    await plantNames(mallory, 'public');
    await useEverything(query);
    expect(await plantedThatRan(mallory)).toEqual([]);
  });

  test('tables and sequences with our names are not taken for ours', async () => {
    const table = itemsTableName(KEY);
    const names = ['querator_queues', 'querator_schema', table];
    for (const name of names) await mallory.query(`CREATE TABLE public.${name} (id text, name text)`);
    await mallory.query('CREATE SEQUENCE public.querator_item_id');
    for (const name of names) await mallory.query(`GRANT ALL ON public.${name} TO PUBLIC`);
    await useEverything('');
    for (const name of names) {
      expect((await mallory.query(`SELECT * FROM public.${name}`)).rows).toEqual([]);
    }
    expect((await mallory.query('SELECT is_called FROM public.querator_item_id')).rows).toEqual([
      { is_called: false },
    ]);
  });
});

describe('the schema of the tables', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;
  beforeEach(async () => {
    database = await createTestDatabase();
    admin = new pg.Client(database.connectionString);
    await admin.connect();
  });
  afterEach(async () => {
    await admin.end();
    await database.drop();
  });

  const schemasWith = async (name: string) => {
    const { rows } = await admin.query(`SELECT schemaname FROM pg_tables WHERE tablename = $1 ORDER BY 1`, [
      name,
    ]);
    return rows.map(({ schemaname }) => schemaname);
  };
  const use = async (query: string) => {
    const backend = testBackend(`${database.connectionString}?${query}`);
    try {
      await backend.partitionStore(KEY).produce([{ items: [item('a')] }], HOUR);
      return await backend.partitionStore(KEY).stats();
    } finally {
      await backend.close();
    }
  };

  test.each(['', '&pooler=session', '&pooler=transaction'])(
    'is the first schema of the string: search_path=…%s',
    async (pooler) => {
      await admin.query(`CREATE SCHEMA "it's ""ours"""`);
      const path = encodeURIComponent(`"it's ""ours""",public`);
      expect((await use(`search_path=${path}${pooler}`)).waiting).toBe(1);
      expect(await schemasWith('querator_queues')).toEqual([`it's "ours"`]);
      expect(await schemasWith(itemsTableName(KEY))).toEqual([`it's "ours"`]);
    },
  );

  test.each(['', 'pooler=session', 'pooler=transaction'])(
    'is the first schema of the database: %s',
    async (pooler) => {
      await admin.query('CREATE SCHEMA app');
      await admin.query(`ALTER DATABASE ${database.name} SET search_path = app, public`);
      await use(pooler);
      expect(await schemasWith('querator_queues')).toEqual(['app']);
    },
  );

  test('stays the same if another role creates a schema before it in the path', async () => {
    await use('search_path=app,public');
    await admin.query('CREATE SCHEMA app');
    expect((await use('search_path=app,public')).waiting).toBe(2);
    expect(await schemasWith('querator_queues')).toEqual(['public']);
  });

  test('may change to another schema of the path while a server runs', async () => {
    const backend = testBackend(`${database.connectionString}?search_path=app,public`);
    const store = backend.partitionStore(KEY);
    await store.produce([{ items: [item('a')] }], HOUR);
    await admin.query('CREATE SCHEMA app');
    for (const name of ['TABLE querator_queues', 'TABLE querator_schema', `TABLE ${itemsTableName(KEY)}`]) {
      await admin.query(`ALTER ${name} SET SCHEMA app`);
    }
    await admin.query('ALTER SEQUENCE querator_item_id SET SCHEMA app');
    await store.produce([{ items: [item('b')] }], HOUR);
    expect((await store.stats()).waiting).toBe(2);
    expect(await schemasWith(itemsTableName(KEY))).toEqual(['app']);
    await backend.close();
  });
});
