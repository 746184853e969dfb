import {
  addDuration,
  type Clock,
  type Duration,
  type ExtendedItem,
  type ItemDetails,
  milliseconds,
  type NewItem,
  type PartitionStore,
  SystemClock,
} from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PoolRegistry } from '../src/index.ts';
import { HOUR, item, verdict } from './support/contents.ts';
import { FIRST_VERSION_ROWS, FIRST_VERSION_TABLES } from './support/first-version.ts';
import { createRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'my-queue', partition: 0 };
const TABLE = 'items_255436d8bdc5_000000';
const STATEMENT = `ALTER TABLE "public"."${TABLE}" ADD COLUMN metadata jsonb`;
const LACKS = `table ${TABLE} lacks the column metadata, run: ${STATEMENT}`;
const METADATA = new Map([['tenant', 'blue']]);
const SWEEP = { limit: 10, maxAttempts: 0, dead: 'move', claimTimeout: HOUR } as const;
const LEASE = { limit: 10, leaseTimeout: HOUR, details: true };
const LETTER: ItemDetails = { firstId: '0'.repeat(27), metadata: METADATA };

/** The system's clock, which a test can put forward. */
class ShiftedClock implements Clock {
  readonly #clock = new SystemClock();
  #shift: Duration = milliseconds(0);

  now() {
    return addDuration(this.#clock.now(), this.#shift);
  }

  startTimer(delayMs: number, callback: () => void) {
    return this.#clock.startTimer(delayMs, callback);
  }

  putForward(ms: number): void {
    this.#shift = milliseconds(ms);
  }
}

describe('the column metadata of a table of an earlier version', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  let clock: ShiftedClock;
  const backends: ReturnType<typeof testBackend>[] = [];
  const warnings: unknown[] = [];
  const logger = {
    ...{ debug() {}, info() {}, error() {} },
    warn: (message: string, fields?: object) => void warnings.push({ message, ...fields }),
  };

  beforeEach(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
    for (const text of [...FIRST_VERSION_TABLES, ...FIRST_VERSION_ROWS]) await client.query(text);
    clock = new ShiftedClock();
    warnings.length = 0;
  });
  afterEach(async () => {
    await Promise.all(backends.splice(0).map((backend) => backend.close()));
    await client.end();
    await database.drop();
  });

  /** The partition as another server uses it. */
  function open(connectionString = database.connectionString): PartitionStore {
    const backend = testBackend(connectionString, { logger, registry: new PoolRegistry({ clock, logger }) });
    backends.push(backend);
    return backend.partitionStore(KEY);
  }

  /** Holds the table as a dump does: readers and writers pass, changes of the table do not. */
  async function holdTable(): Promise<void> {
    await client.query('BEGIN');
    await client.query(`LOCK TABLE ${TABLE} IN ACCESS SHARE MODE`);
  }

  const typeOfColumn = async () => {
    const { rows } = await client.query(
      `SELECT format_type(atttypid, NULL) AS type FROM pg_attribute
       WHERE attrelid = $1::regclass AND attname = 'metadata' AND NOT attisdropped`,
      [TABLE],
    );
    return rows.map(({ type }) => type);
  };
  const withMetadata = (reference: string): NewItem => ({ ...item(reference), metadata: METADATA });
  const produce = async (store: PartitionStore, ...items: NewItem[]) =>
    (await store.produce([{ items }], HOUR)).map(verdict);
  const leaseAll = async (store: PartitionStore) =>
    (await store.lease(LEASE)).map(({ reference, details }) => [reference, details?.metadata]);

  test('is missing while another session holds the table: leases are extended, except with a bound', async () => {
    await holdTable();
    const store = open();
    const [leased] = await store.lease({ limit: 1, leaseTimeout: HOUR });
    const free = { id: leased?.id ?? '', leaseTimeout: HOUR };
    const extend = async (...items: ExtendedItem[]) => (await store.extend?.(items))?.map(verdict);
    expect(await extend({ ...free, maxHold: HOUR })).toEqual([`metadata is not available; ${LACKS}`]);
    expect(await extend(free, { ...free, id: '0'.repeat(27), maxHold: HOUR })).toEqual([
      'ok',
      `metadata is not available; ${LACKS}`,
    ]);
    await client.query('COMMIT');
    clock.putForward(10_000);
    expect(await extend({ ...free, maxHold: HOUR })).toEqual(['ok']);
    expect(await typeOfColumn()).toEqual(['jsonb']);
  });

  test('is added at the first use, and items of before have no metadata and their present id', async () => {
    const store = open();
    expect(await produce(store, withMetadata('new'))).toEqual(['ok']);
    const [before, fresh] = await store.lease(LEASE);
    expect(before).toMatchObject({
      reference: 'waiting',
      details: { firstId: before?.id, metadata: new Map() },
    });
    expect(fresh?.details).toMatchObject({ firstId: fresh?.id, metadata: METADATA });
    expect(await typeOfColumn()).toEqual(['jsonb']);
    expect(warnings).toEqual([]);
  });

  test('waits for another session for a moment only; what does not need it works meanwhile', async () => {
    await holdTable();
    const store = open();
    expect(await store.probe()).toEqual({ metadataFault: LACKS });
    expect(await produce(store, item('plain'))).toEqual(['ok']);
    const mixed = await store.produce([{ items: [withMetadata('a')] }, { items: [item('b')] }], HOUR);
    expect(mixed.map(verdict)).toEqual([`metadata is not available; ${LACKS}`, 'ok']);
    expect(mixed[0]).toMatchObject({ error: { code: 'retry', reason: 'unavailable' } });
    const leased = await store.lease(LEASE);
    expect(leased.map(({ details }) => details)).toEqual([undefined, undefined, undefined]);
    const [first, second] = leased.map(({ id }) => id) as [string, string];
    const rules = { maxAttempts: 0, dead: 'move' } as const;
    const retried = await store.retry(
      [{ items: [{ id: first, dead: false, error: 'e' }] }, { items: [{ id: second, dead: false }] }],
      rules,
    );
    expect(retried.map(verdict)).toEqual([`metadata is not available; ${LACKS}`, 'ok']);
    expect(warnings).toMatchObject([
      { message: 'column was not added to a table; another try follows', table: TABLE, column: 'metadata' },
    ]);
    await client.query('COMMIT');
    // Within ten seconds there is no other try.
    expect(await store.probe()).toEqual({ metadataFault: LACKS });
    clock.putForward(10_000);
    expect(await store.probe()).toEqual({ metadataFault: undefined });
    expect(await produce(store, withMetadata('c'))).toEqual(['ok']);
    expect(await typeOfColumn()).toEqual(['jsonb']);
  });

  test('is added by a later sweep', async () => {
    await holdTable();
    const store = open();
    await store.sweep(SWEEP);
    await client.query('COMMIT');
    await store.sweep(SWEEP);
    expect(await typeOfColumn()).toEqual([]);
    clock.putForward(10_000);
    await store.sweep(SWEEP);
    expect(await typeOfColumn()).toEqual(['jsonb']);
    expect(await produce(store, withMetadata('a'))).toEqual(['ok']);
  });

  test('is found once the owner of the table has added it', async () => {
    await client.query('CREATE UNIQUE INDEX querator_queues_hash ON querator_queues ("left"(md5(name), 12))');
    const role = await createRole(database, 'guest');
    await client.query(`GRANT USAGE, CREATE ON SCHEMA public TO ${role.name}`);
    await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role.name}`);
    await client.query(`GRANT USAGE ON SEQUENCE querator_item_id TO ${role.name}`);
    const store = open(role.connectionString);
    expect(await store.probe()).toEqual({ metadataFault: LACKS });
    expect(await produce(store, item('plain'))).toEqual(['ok']);
    await client.query(STATEMENT);
    expect(await store.probe()).toEqual({ metadataFault: undefined });
    expect(await produce(store, withMetadata('a'))).toEqual(['ok']);
    await Promise.all(backends.splice(0).map((backend) => backend.close()));
    await role.drop();
  });

  test('of another type is not used', async () => {
    await client.query(`ALTER TABLE ${TABLE} ADD COLUMN metadata text`);
    const store = open();
    expect(await store.probe()).toEqual({
      metadataFault: `table ${TABLE} has the column metadata with the type text; expected jsonb`,
    });
    expect(await produce(store, item('plain'))).toEqual(['ok']);
    expect((await store.lease(LEASE)).length).toBe(2);
  });

  test('is added again if somebody drops it, and no call fails', async () => {
    const store = open();
    await produce(store, withMetadata('a'));
    await client.query(`ALTER TABLE ${TABLE} DROP COLUMN metadata`);
    clock.putForward(10_000);
    expect(await leaseAll(store)).toEqual([
      ['waiting', new Map()],
      ['a', new Map()],
    ]);
    expect(await produce(store, withMetadata('b'))).toEqual(['ok']);
  });

  test('that another server has added meanwhile is seen before a dead item leaves', async () => {
    await holdTable();
    const store = open();
    await store.probe();
    await client.query('COMMIT');
    const other = open();
    await other.produce([{ items: [withMetadata('dies')] }], milliseconds(1));
    const { dead } = await store.sweep(SWEEP);
    expect(dead.map(({ reference, details }) => [reference, details?.metadata])).toEqual([
      ['dies', METADATA],
    ]);
  });

  test('is waited for by letters that bring metadata while the table is held, and by no others', async () => {
    await holdTable();
    const store = open();
    const timeouts = { expireTimeout: HOUR, autoCommitTimeout: HOUR };
    const letter = { ...item('with'), sourceId: 'with', details: LETTER };
    await expect(store.prepareLetters([letter], timeouts)).rejects.toMatchObject({
      outcome: 'not-applied',
      message: expect.stringContaining(STATEMENT),
    });
    const without = { ...item('without'), sourceId: 'without', details: { ...LETTER, metadata: new Map() } };
    await store.prepareLetters([without], timeouts);
    await client.query('COMMIT');
    clock.putForward(10_000);
    await store.prepareLetters([letter], timeouts);
    await store.commitLetters(['with', 'without']);
    expect(await leaseAll(store)).toEqual([
      ['waiting', new Map()],
      ['without', new Map()],
      ['with', METADATA],
    ]);
  });

  test('is needed at both ends of a transfer, and a transfer adds it', async () => {
    await holdTable();
    const store = open();
    const other = backends.at(-1)?.partitionStore({ queue: 'other', partition: 0 }) as PartitionStore;
    const waiting = (await store.list({ state: 'queued', pivot: '', limit: 10 }))
      .filter(({ isLeased }) => !isLeased)
      .map(({ id }) => id);
    const transfer = (from: PartitionStore, to: PartitionStore, ids: readonly string[]) =>
      from.transfer?.({ ids, state: 'waiting', target: to.transferTarget as object, expireTimeout: HOUR });
    await expect(transfer(store, other, waiting)).rejects.toThrow(LACKS);
    await expect(transfer(other, store, waiting)).rejects.toThrow(LACKS);
    await client.query('COMMIT');
    clock.putForward(10_000);
    expect(await transfer(store, other, waiting)).toEqual({ transferred: waiting, left: [] });
    expect((await other.lease(LEASE)).map(({ details }) => details?.firstId)).toEqual(waiting);
  });

  test('is left out by letters if the table can never have it', async () => {
    await client.query(`ALTER TABLE ${TABLE} ADD COLUMN metadata text`);
    const store = open();
    const letter = { ...item('letter'), sourceId: 'source', details: LETTER };
    await store.prepareLetters([letter], { expireTimeout: HOUR, autoCommitTimeout: HOUR });
    expect(await store.commitLetters(['source'])).toBe(1);
  });
});

test('a user cannot forge what the server keeps, whatever the keys of the pairs', async () => {
  const database = await createTestDatabase();
  const backend = testBackend(database.connectionString);
  const store = backend.partitionStore(KEY);
  const metadata = new Map([
    ...['first_id', 'source', 'died', 'error', 'user'].map((key): [string, string] => [key, '{"queue":"x"}']),
  ]);
  await store.produce([{ items: [{ ...item('a'), metadata }] }], HOUR);
  const [first] = await store.lease(LEASE);
  await store.retry([{ items: [{ id: first?.id as string, dead: false }] }], {
    maxAttempts: 0,
    dead: 'move',
  });
  const [again] = await store.lease(LEASE);
  expect(again?.details).toEqual({ firstId: first?.id, metadata, error: undefined, source: undefined });
  await backend.close();
  await database.drop();
});

/** Values that this server never writes. Another program may have had such a column. */
const FOREIGN_VALUES = [
  ...[
    'null',
    '5',
    '"text"',
    '[1, 2]',
    '{"first_id": 5, "user": "text", "error": {}, "source": 5, "died": []}',
  ],
  ...['{"user": {"a": 1, "b": "kept"}, "source": {"queue": "q", "produced": "text"}}'],
  '{"source": {"queue": "q", "partition": 0, "id": "i", "attempts": 1, "produced": 1.5, "died": {"at": "x"}}}',
];

test('values of another program stop no item', async () => {
  const database = await createTestDatabase();
  const backend = testBackend(database.connectionString);
  const client = new pg.Client(database.connectionString);
  await client.connect();
  const store = backend.partitionStore(KEY);
  const all = FOREIGN_VALUES.map((_, n) => `item ${n}`);
  try {
    await store.produce([{ items: all.map(item) }], HOUR);
    for (const [n, value] of FOREIGN_VALUES.entries()) {
      await client.query(`UPDATE ${TABLE} SET metadata = $1 WHERE reference = $2`, [value, `item ${n}`]);
    }
    const limit = all.length;
    const leased = await store.lease({ ...LEASE, limit });
    expect(leased.map(({ reference }) => reference)).toEqual(all);
    for (const { id, details } of leased) expect(details).toMatchObject({ firstId: id, source: undefined });
    const ids = leased.map(({ id }) => id);
    const bound = (id: string) => ({ id, leaseTimeout: HOUR, maxHold: HOUR });
    expect((await store.extend?.(ids.map(bound)))?.map(({ ok }) => ok)).toEqual(all.map(() => true));
    const retry = (id: string, dead: boolean) =>
      store.retry([{ items: [{ id, dead, error: 'error' }] }], { maxAttempts: 0, dead: 'move' });
    for (const id of ids) expect(await retry(id, false)).toMatchObject([{ ok: true }]);
    const again = await store.lease({ ...LEASE, limit });
    expect(again.map(({ details }) => details?.error)).toEqual(all.map(() => 'error'));
    for (const { id } of again) expect(await retry(id, true)).toMatchObject([{ ok: true }]);
    const { dead } = await store.sweep({ ...SWEEP, limit });
    expect(dead.map(({ death }) => death?.reason)).toEqual(all.map(() => 'rejected'));
  } finally {
    await client.end();
    await backend.close();
    await database.drop();
  }
});

test('an item without metadata that never came back has NULL', async () => {
  const database = await createTestDatabase();
  const backend = testBackend(database.connectionString);
  const store = backend.partitionStore(KEY);
  await store.produce([{ items: [item('a'), item('b')] }], HOUR);
  await store.produce([{ items: [withoutPairs(), { ...item('d'), kind: 'k' }] }], HOUR);
  const client = new pg.Client(database.connectionString);
  await client.connect();
  await store.lease(LEASE);
  const { rows } = await client.query(
    `SELECT count(*)::int AS all, count(metadata)::int AS kept FROM ${TABLE}`,
  );
  expect(rows).toEqual([{ all: 4, kept: 0 }]);
  await client.end();
  await backend.close();
  await database.drop();
});

function withoutPairs(): NewItem {
  return { ...item('c'), metadata: undefined };
}
