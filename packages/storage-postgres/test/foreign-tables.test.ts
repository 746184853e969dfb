import { instantFromMilliseconds } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { partitionLabel } from '../src/sql/table-name.ts';
import { LAST_INSTANT } from '../src/wire/instant-text.ts';
import { HOUR, item } from './support/contents.ts';
import { goTable, ksuid } from './support/go-table.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'mail', partition: 0 };
const LABEL = partitionLabel(KEY);
const TABLE = `items_${LABEL}`;
const CREATED = instantFromMilliseconds(Date.UTC(2026, 0, 1));

describe('a table that another program has created or filled', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  let backend: ReturnType<typeof testBackend>;

  beforeEach(async () => {
    database = await createTestDatabase();
    backend = testBackend(database.connectionString);
    client = new pg.Client(database.connectionString);
    await client.connect();
    for (const text of goTable(LABEL)) await client.query(text);
  });
  afterEach(async () => {
    await backend.close();
    await client.end();
    await database.drop();
  });

  const store = () =>
    backend.partitionStore(KEY, {
      createdAt: CREATED,
      isThere: async () => true,
      wasDeleted: async () => true,
    });
  const insert = (id: string) =>
    client.query(
      `INSERT INTO ${TABLE} (id, reference, expire_deadline, created_at)
       VALUES ($1, $1, now() + interval '1 hour', now())`,
      [id],
    );
  const comment = async () =>
    (await client.query(`SELECT obj_description('${TABLE}'::regclass, 'pg_class') AS text`)).rows[0].text;

  test.each([
    ['a KSUID of today', ksuid(1)],
    ['a KSUID of 2018', '10Nc5xQmZr7TtBvAqXyZ0000001'],
    ['an id below ours', '!'],
    ['an id above all KSUIDs', 'zzzzzzzzzzzzzzzzzzzzzzzzzzz'],
  ])('that holds %s is refused with its name and the command that resolves it', async (_, id) => {
    await insert(id);
    for (const call of [() => store().stats(), () => store().produce([{ items: [item('a')] }], HOUR)]) {
      await expect(call()).rejects.toMatchObject({
        name: 'StorageError',
        outcome: 'not-applied',
        message:
          `storage 'postgres-01': table ${TABLE} of queue 'mail' holds items with ids of another program, ` +
          `such as the Go server; 'querator storage adopt ${TABLE} --queue mail' gives them ids in the same order, ` +
          `'querator storage drop ${TABLE} --force' deletes them`,
      });
    }
    expect(await comment()).toBeNull();
    await client.query(`DELETE FROM ${TABLE}`);
    expect((await store().stats()).waiting).toBe(0);
  });

  test('that was refused stays when the queue that found it is deleted', async () => {
    await insert(ksuid(1));
    await store().drop();
    expect((await client.query(`TABLE ${TABLE}`)).rows).toHaveLength(1);
  });

  test('without items is used', async () => {
    await store().produce([{ items: [item('a')] }], HOUR);
    expect((await store().lease({ limit: 9, leaseTimeout: HOUR })).map(({ reference }) => reference)).toEqual(
      ['a'],
    );
  });

  test.each([
    ['ALTER TABLE $ DROP COLUMN max_attempts', 'it lacks the column max_attempts (integer)'],
    [
      'ALTER TABLE $ ALTER attempts TYPE bigint',
      'it has the column attempts with the type bigint; expected integer',
    ],
    [
      'ALTER TABLE $ ALTER id TYPE text COLLATE "en-x-icu"',
      'it compares ids by a language; expected COLLATE "C"',
    ],
    [
      'ALTER TABLE $ ADD COLUMN tenant text NOT NULL',
      'it has the column tenant, for which every row must bring a value',
    ],
    [`DROP INDEX idx_${LABEL}_src`, 'it lacks a unique index on source_id'],
    ['ALTER TABLE $ DROP CONSTRAINT $_pkey', 'it lacks a unique index on id'],
  ])('%s: refused by name, and used once it is corrected', async (change, fault) => {
    await client.query(change.replaceAll('$', TABLE));
    await expect(store().stats()).rejects.toThrow(`table ${TABLE} cannot be used for queue 'mail': ${fault}`);
    await client.query(`DROP TABLE ${TABLE}`);
    expect((await store().stats()).waiting).toBe(0);
  });

  test('with additional columns that need no value is used', async () => {
    await client.query(`ALTER TABLE ${TABLE} ADD COLUMN tenant text, ADD COLUMN n bigserial`);
    await client.query(`ALTER TABLE ${TABLE} ADD COLUMN seen timestamptz NOT NULL DEFAULT now()`);
    await store().produce([{ items: [item('a')] }], HOUR);
    expect((await store().stats()).waiting).toBe(1);
  });

  test.each([
    'kept by the DBA',
    'querator',
    'querator {',
    'querator []',
    'querator {"queue":7,"partition":0}',
    'querator {"queue":"mail","partition":0,"created":"yesterday"}',
    `querator {"queue":"mail","partition":0,"created":"${'9'.repeat(30)}"}`,
  ])('with the comment %j is used with all its items', async (text) => {
    await insert('00000000000000001aaaaaaaaaa');
    await client.query(`COMMENT ON TABLE ${TABLE} IS '${text}'`);
    expect((await store().stats()).waiting).toBe(1);
    expect(await comment()).toContain(CREATED.toString());
  });

  test('with an id of the right length that is not ours: new items come behind it', async () => {
    await insert('00zzzzzzzzzzzzzzzzzzzzzzzzz');
    await store().produce([{ items: [item('new')] }], HOUR);
    const leased = await store().lease({ limit: 9, leaseTimeout: HOUR });
    expect(leased.map(({ reference }) => reference)).toEqual(['00zzzzzzzzzzzzzzzzzzzzzzzzz', 'new']);
  });

  test('that gets a KSUID later does not raise our sequence without bound', async () => {
    await store().stats();
    await insert(ksuid(1));
    await client.query(`SELECT setval('querator_item_id', 1, false)`);
    await store().produce([{ items: [item('new')] }], HOUR);
    const { rows } = await client.query('SELECT last_value::int AS n FROM querator_item_id');
    expect(rows[0].n).toBeLessThan(5_000_000);
  });

  test('with infinite times: they are read as the end of the year 9999', async () => {
    await insert('00000000000000001aaaaaaaaaa');
    await client.query(`UPDATE ${TABLE} SET expire_deadline = 'infinity', created_at = '-infinity'`);
    const [listed] = await store().list({ state: 'queued', pivot: '', limit: 1, maxBytes: 1_000 });
    expect(listed?.expireDeadline).toBe(LAST_INSTANT);
    const [leased] = await store().lease({ limit: 1, leaseTimeout: HOUR });
    expect(leased?.reference).toBe('00000000000000001aaaaaaaaaa');
  });
});
