import { type Instant, type ItemsTables, parseDuration, type Queue, SystemRandom } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itemsTableName, PoolRegistry, postgresItemsTables } from '../src/index.ts';
import { keysTableName, partitionLabel } from '../src/sql/table-name.ts';
import { HOUR, item } from './support/contents.ts';
import { goTable, ksuid } from './support/go-table.ts';
import { testBackend } from './support/test-backend.ts';

const STORAGE = 'postgres-01';
const KEY = { queue: 'mail', partition: 0 };
const TABLE = itemsTableName(KEY);

const newQueue = (name: string, storageName = STORAGE) => ({
  ...{ name, namespace: '', deadQueue: '', maxAttempts: 0, reference: '', requestedPartitions: 1 },
  leaseTimeout: parseDuration('1m'),
  expireTimeout: parseDuration('1h'),
  partitions: [{ partition: 0, storageName }],
});

describe('the items tables of a storage', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  let backend: ReturnType<typeof testBackend>;
  let tables: ItemsTables;

  beforeEach(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
    backend = testBackend(database.connectionString);
    tables = postgresItemsTables({
      ...{ name: STORAGE, connectionString: database.connectionString },
      ...{ registry: new PoolRegistry(), random: new SystemRandom(), queues: backend.queueStore() },
    });
  });
  afterEach(async () => {
    await tables.close();
    await backend.close();
    await client.end();
    await database.drop();
  });

  const storeOf = ({ createdAt }: { readonly createdAt: Instant }) =>
    backend.partitionStore(KEY, {
      createdAt,
      isThere: async () => (await backend.queueStore().get(KEY.queue))?.createdAt === createdAt,
      wasDeleted: (created) => backend.queueStore().wasDeleted(KEY.queue, created),
    });
  const produce = (queue: Queue, ...references: string[]) =>
    storeOf(queue).produce([{ items: references.map(item) }], HOUR);
  const lease = async (queue: Queue) =>
    (await storeOf(queue).lease({ limit: 100, leaseTimeout: HOUR })).map(({ reference }) => reference);
  const exists = async (table = TABLE) =>
    (await client.query(`SELECT to_regclass('${table}') IS NOT NULL AS there`)).rows[0].there as boolean;

  /** A queue whose settings were lost, and that was created again. */
  async function recreated(...references: string[]) {
    const first = await backend.queueStore().create(newQueue(KEY.queue));
    await produce(first, ...references);
    await client.query(`DELETE FROM querator_queues`);
    const second = await backend.queueStore().create(newQueue(KEY.queue));
    return { first, second };
  }

  describe('adopt', () => {
    test('gives the items of an earlier queue to the present one, which serves them without a restart', async () => {
      const { second } = await recreated('a', 'b');
      await expect(lease(second)).rejects.toThrow(`'querator storage adopt ${TABLE}'`);
      expect(await tables.adopt(TABLE, {})).toEqual({
        ...{ queue: 'mail', partition: 0, items: 2, renumbered: 0, wasOwn: false },
      });
      expect(await lease(second)).toEqual(['a', 'b']);
      expect(await tables.adopt(TABLE, {})).toMatchObject({ items: 2, wasOwn: true });
    });

    test('gives the items of a later queue to the one that was restored', async () => {
      const { first, second } = await recreated('old');
      await tables.adopt(TABLE, {});
      await produce(second, 'new');
      await client.query(`UPDATE querator_queues SET created_at = created_at - interval '1 hour'`);
      const restored = (await backend.queueStore().get(KEY.queue)) as Queue;
      expect(restored.createdAt).toBeLessThan(first.createdAt);
      await expect(lease(restored)).rejects.toThrow(`querator storage adopt ${TABLE}`);
      await tables.adopt(TABLE, {});
      expect(await lease(restored)).toEqual(['old', 'new']);
    });

    test.each([
      ['mail', {}, "'mail' is no name of an items table, such as items_255436d8bdc5_000000"],
      ['querator_queues', {}, "'querator_queues' is no name of an items table"],
      [`${TABLE}; DROP TABLE x`, {}, 'is no name of an items table'],
      ['items_000000000000_000000', {}, 'there is no table items_000000000000_000000'],
      [TABLE, { queue: 'other' }, `partition 0 of queue 'other' is kept in items_`],
    ])('%s with %j is refused', async (table, options, reason) => {
      await recreated('a');
      await expect(tables.adopt(table, options)).rejects.toThrow(reason);
      expect((await client.query(`TABLE ${TABLE}`)).rows).toHaveLength(1);
    });

    test('is refused for a queue that does not exist, or has the partition on another storage', async () => {
      await produce(await backend.queueStore().create(newQueue(KEY.queue)), 'a');
      await client.query(`DELETE FROM querator_queues`);
      await expect(tables.adopt(TABLE, {})).rejects.toThrow("queue 'mail' is not there; create it first");
      await backend.queueStore().create(newQueue(KEY.queue, 'elsewhere'));
      await expect(tables.adopt(TABLE, {})).rejects.toThrow("queue 'mail' has it on storage 'elsewhere'");
      await client.query(`UPDATE querator_queues SET partitions = '[]'`);
      await expect(tables.adopt(TABLE, {})).rejects.toThrow("queue 'mail' has no such partition");
    });

    test('is refused for a table of a queue whose name has the same hash', async () => {
      const [one, other] = ['q-5507462', 'q-29312359'] as const;
      await backend.partitionStore({ queue: one, partition: 0 }).produce([{ items: [item('a')] }], HOUR);
      await backend.queueStore().create(newQueue(other));
      const table = itemsTableName({ queue: one, partition: 0 });
      await expect(tables.adopt(table, { queue: other })).rejects.toThrow(
        `table ${table} belongs to queue '${one}', whose name has the same hash`,
      );
    });
  });

  describe('adopt of a table of the Go server', () => {
    const LABEL = partitionLabel(KEY);
    const insert = (id: string, columns = '', values = '') =>
      client.query(
        `INSERT INTO ${TABLE} (id, reference, expire_deadline, created_at${columns})
         VALUES ($1, $1, now() + interval '1 hour', now()${values})`,
        [id],
      );

    beforeEach(async () => {
      for (const text of goTable(LABEL)) await client.query(text);
    });

    test('gives its items new ids in the same order; leased ones wait and keep their attempts', async () => {
      const ids = Array.from({ length: 25 }, (_, n) => ksuid(n));
      for (const id of ids.toReversed()) await insert(id);
      await client.query(
        `UPDATE ${TABLE} SET is_leased = true, lease_deadline = now() + interval '1 hour', attempts = 3
         WHERE id = $1`,
        [ids[7]],
      );
      await insert(ksuid(90), ', enqueue_at, attempts', `, now() + interval '1 hour', 2`);
      const queue = await backend.queueStore().create(newQueue(KEY.queue));
      await expect(lease(queue)).rejects.toThrow(`'querator storage adopt ${TABLE} --queue mail'`);
      await expect(tables.adopt(TABLE, {})).rejects.toThrow(
        'does not say whose it is; name its queue with --queue',
      );
      expect(await tables.adopt(TABLE, { queue: 'mail' })).toEqual({
        ...{ queue: 'mail', partition: 0, items: 26, renumbered: 26, wasOwn: false },
      });
      await produce(queue, 'new');
      const leased = await storeOf(queue).lease({ limit: 100, leaseTimeout: HOUR });
      expect(leased.map(({ reference }) => reference)).toEqual([...ids, 'new']);
      expect(leased.map(({ id }) => /^0[0-9a-f]{16}[0-9A-Za-z]{10}$/.test(id))).not.toContain(false);
      expect(leased[7]?.attempts).toBe(4);
      const page = { state: 'scheduled', pivot: '', limit: 10, maxBytes: 1_000_000 } as const;
      const [scheduled] = await storeOf(queue).list(page);
      expect(scheduled).toMatchObject({ reference: ksuid(90), attempts: 2, isLeased: false });
    });

    test('changes more items than one batch, and continues after an interruption', async () => {
      await client.query(
        `INSERT INTO ${TABLE} (id, reference, expire_deadline, created_at)
         SELECT '3Nc5x' || lpad(n::text, 8, '0') || 'QmZr7TtBvAqXyZ', n, now() + interval '1 hour', now()
         FROM generate_series(1, 20500) AS n`,
      );
      const queue = await backend.queueStore().create(newQueue(KEY.queue));
      // The last of three batches fails because its first item cannot be written again.
      await client.query(`ALTER TABLE ${TABLE} ADD CHECK (reference <> '20100' OR id LIKE '3%')`);
      await expect(tables.adopt(TABLE, { queue: 'mail' })).rejects.toMatchObject({ name: 'StorageError' });
      await expect(lease(queue)).rejects.toThrow('ids of another program');
      await client.query(`ALTER TABLE ${TABLE} DROP CONSTRAINT ${TABLE}_check`);
      expect(await tables.adopt(TABLE, { queue: 'mail' })).toMatchObject({ items: 20_500, renumbered: 500 });
      const { rows } = await client.query(
        `SELECT count(*)::int AS wrong FROM (
           SELECT reference::int <> row_number() OVER (ORDER BY id) AS moved FROM ${TABLE}) AS items WHERE moved`,
      );
      expect(rows).toEqual([{ wrong: 0 }]);
      expect(await lease(queue)).toEqual(Array.from({ length: 100 }, (_, n) => String(n + 1)));
    });

    test('creates missing indexes', async () => {
      await client.query(`DROP INDEX idx_${LABEL}_src, idx_${LABEL}_dln`);
      await client.query(`ALTER TABLE ${TABLE} DROP CONSTRAINT ${TABLE}_pkey`);
      await insert(ksuid(1));
      await backend.queueStore().create(newQueue(KEY.queue));
      await tables.adopt(TABLE, { queue: 'mail' });
      const indexes = async (table: string) => {
        const { rows } = await client.query(
          `SELECT pg_get_indexdef(indexrelid) AS text FROM pg_index WHERE indrelid = $1::regclass`,
          [table],
        );
        return rows.map(({ text }) => (text as string).replaceAll(partitionLabel(KEY), '')).sort();
      };
      const other = { queue: 'other', partition: 0 };
      await backend.partitionStore(other).stats();
      const made = (await indexes(itemsTableName(other))).map((text) =>
        text.replaceAll(partitionLabel(other), ''),
      );
      expect(await indexes(TABLE)).toEqual(made.sort());
    });

    test('is refused if columns are missing, or another program keeps writing to the table', async () => {
      await insert(ksuid(1));
      await backend.queueStore().create(newQueue(KEY.queue));
      await client.query(`ALTER TABLE ${TABLE} DROP COLUMN kind`);
      await expect(tables.adopt(TABLE, { queue: 'mail' })).rejects.toThrow('it lacks the column kind (text)');
      await client.query(`ALTER TABLE ${TABLE} ADD COLUMN kind text NOT NULL DEFAULT ''`);
      await client.query(`
        CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          INSERT INTO public.${TABLE} (id, expire_deadline, created_at) VALUES ('zzz' || NEW.id, now(), now());
          RETURN NEW; END $$`);
      await client.query(
        `CREATE TRIGGER again AFTER UPDATE ON ${TABLE} FOR EACH ROW WHEN (OLD.id LIKE '3%') EXECUTE FUNCTION again()`,
      );
      await expect(tables.adopt(TABLE, { queue: 'mail' })).rejects.toThrow(
        'another program still writes to table',
      );
    });
  });

  describe('drop', () => {
    test('deletes the table of an earlier queue, with items only when forced, and the present queue continues', async () => {
      const { second } = await recreated('a', 'b');
      await expect(tables.drop(TABLE, { force: false })).rejects.toThrow(
        `table ${TABLE} holds items; --force drops it with all of them`,
      );
      expect(await tables.drop(TABLE, { force: true })).toEqual({ queue: 'mail', items: 2 });
      await produce(second, 'new');
      expect(await lease(second)).toEqual(['new']);
    });

    test('is refused for a table in use, forced or not', async () => {
      const queue = await backend.queueStore().create(newQueue(KEY.queue));
      await produce(queue, 'a');
      for (const force of [false, true]) {
        await expect(tables.drop(TABLE, { force })).rejects.toThrow(
          `table ${TABLE} is in use by queue 'mail'; delete the queue instead`,
        );
      }
      expect(await lease(queue)).toEqual(['a']);
    });

    test('deletes an empty table of a missing queue without force', async () => {
      const queue = await backend.queueStore().create(newQueue(KEY.queue));
      await storeOf(queue).stats();
      await client.query('DELETE FROM querator_queues');
      expect(await tables.drop(TABLE, { force: false })).toEqual({ queue: 'mail', items: 0 });
      expect(await exists()).toBe(false);
    });

    test('deletes a table that names no queue only when forced', async () => {
      for (const text of goTable(partitionLabel(KEY))) await client.query(text);
      await expect(tables.drop(TABLE, { force: false })).rejects.toThrow('does not say whose it is');
      expect(await tables.drop(TABLE, { force: true })).toEqual({ queue: undefined, items: 0 });
    });

    test.each(['querator_queues', 'pg_class', 'items_000000000000_000000'])(
      'of %s is refused',
      async (name) => {
        await recreated('a');
        await expect(tables.drop(name, { force: true })).rejects.toThrow(
          /is no name of an items table|there is no table/,
        );
        expect(await backend.queueStore().get(KEY.queue)).toBeDefined();
      },
    );
  });

  test('list returns the tables that no queue uses, or all', async () => {
    const { first } = await recreated('a', 'b');
    const used = await backend.queueStore().create(newQueue('used'));
    const owner = { createdAt: used.createdAt, isThere: async () => true, wasDeleted: async () => false };
    await backend.partitionStore({ queue: 'used', partition: 0 }, owner).stats();
    const gone = { ...owner, createdAt: first.createdAt };
    await backend.partitionStore({ queue: 'gone', partition: 0 }, gone).stats();
    const goKey = { queue: 'go', partition: 0 };
    for (const text of goTable(partitionLabel(goKey))) await client.query(text);
    await client.query(
      `INSERT INTO ${itemsTableName(goKey)} (id, expire_deadline, created_at) VALUES ($1, now(), now())`,
      [ksuid(1)],
    );
    await client.query('CREATE TABLE items_of_mine (id int)');
    const states = async (all: boolean) =>
      Object.fromEntries(
        (await tables.list({ all })).map(({ table, state, items }) => [table, [state, items]]),
      );
    const unused = {
      [TABLE]: ['earlier-queue', 2],
      [itemsTableName({ queue: 'gone', partition: 0 })]: ['no-queue', 0],
      [itemsTableName(goKey)]: ['foreign', 1],
    };
    expect(await states(false)).toEqual(unused);
    expect(await states(true)).toEqual({
      ...unused,
      [itemsTableName({ queue: 'used', partition: 0 })]: ['in-use', 0],
    });
    const [listed] = (await tables.list({ all: false })).filter(({ table }) => table === TABLE);
    expect(listed).toMatchObject({ queue: 'mail', partition: 0, createdAt: first.createdAt });
  });

  test('a lock that cannot be acquired in time ends the command, and nothing is changed', async () => {
    await recreated('a');
    const impatient = postgresItemsTables({
      ...{ name: STORAGE, connectionString: database.connectionString, timeouts: { maintenanceMs: 200 } },
      ...{ registry: new PoolRegistry(), random: new SystemRandom(), queues: backend.queueStore() },
    });
    await client.query('BEGIN');
    await client.query(`LOCK TABLE ${TABLE} IN ACCESS SHARE MODE`);
    await expect(impatient.drop(TABLE, { force: true })).rejects.toMatchObject({ outcome: 'not-applied' });
    await client.query('COMMIT');
    await impatient.close();
    expect(await exists()).toBe(true);
  });

  describe('with dedup keys', () => {
    const KEYS = keysTableName(KEY);
    const keyed = async (queue: Queue, key: string) => {
      const groups = [{ key, items: [item(key)] }];
      const request = { groups, window: HOUR };
      const options = { expireTimeout: HOUR, newKeys: 'store' } as const;
      const [outcome] = (await storeOf(queue).produceKeyed?.([request], options)) ?? [];
      return outcome?.ok === true ? outcome.value.groups[0]?.state : outcome?.error.message;
    };
    /** A queue whose settings were lost, and that was created again. */
    async function recreatedWithKeys() {
      const first = await backend.queueStore().create(newQueue(KEY.queue));
      if (first === undefined) throw new Error('the queue was there');
      await keyed(first, 'k');
      await client.query(`DELETE FROM querator_queues`);
      return (await backend.queueStore().create(newQueue(KEY.queue))) as Queue;
    }

    test('are listed, and dropped with their items', async () => {
      await recreatedWithKeys();
      const listed = await tables.list({ all: false });
      expect(listed.map(({ table, state, items }) => [table, state, items])).toEqual([
        [TABLE, 'earlier-queue', 1],
        [KEYS, 'earlier-queue', 1],
      ]);
      await tables.drop(TABLE, { force: true });
      expect([await exists(), await exists(KEYS)]).toEqual([false, false]);
    });

    test('are adopted with their items', async () => {
      const queue = await recreatedWithKeys();
      await expect(tables.adopt(KEYS, {})).rejects.toThrow('they go along when their items table is adopted');
      await tables.adopt(TABLE, {});
      expect(await keyed(queue, 'k')).toBe('duplicate');
    });

    test('are dropped alone if an earlier version has left them, and not while they are in use', async () => {
      const queue = (await backend.queueStore().create(newQueue(KEY.queue))) as Queue;
      await keyed(queue, 'k');
      await expect(tables.drop(KEYS, { force: true })).rejects.toThrow(`in use by queue '${KEY.queue}'`);
      await client.query(`DELETE FROM querator_queues`);
      await client.query(`DROP TABLE ${TABLE}`);
      expect((await tables.list({ all: false })).map(({ table, state }) => [table, state])).toEqual([
        [KEYS, 'no-queue'],
      ]);
      await expect(tables.drop(KEYS, { force: false })).rejects.toThrow(`table ${KEYS} holds dedup keys`);
      await tables.drop(KEYS, { force: true });
      expect(await exists(KEYS)).toBe(false);
    });
  });
});
