import { SystemRandom } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Database } from '../src/database/database.ts';
import { TableSchema } from '../src/database/table-schema.ts';
import { itemsTableName, PoolRegistry } from '../src/index.ts';
import { MarksTable } from '../src/low-water-mark/saved-marks.ts';
import { DEFAULT_TIME_LIMITS } from '../src/settings/time-limits.ts';
import { PartitionTable } from '../src/sql/partition-table.ts';
import { createRole, type TestRole } from './support/roles.ts';

const KEY = { queue: 'marked', partition: 0 };
const TABLE = itemsTableName(KEY);

describe('the table of low-water marks', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let server: TestRole;
  let malloryRole: TestRole;
  let admin: pg.Client;
  let mallory: pg.Client;
  let share: ReturnType<PoolRegistry['share']>;
  let table: PartitionTable;
  let marks: MarksTable;

  beforeEach(async () => {
    database = await createTestDatabase();
    server = await createRole(database, 'server');
    malloryRole = await createRole(database, 'mallory');
    admin = new pg.Client(database.connectionString);
    mallory = new pg.Client(malloryRole.connectionString);
    for (const client of [admin, mallory]) await client.connect();
    await admin.query('GRANT CREATE ON SCHEMA public TO PUBLIC');
    await admin.query(`CREATE TABLE ${TABLE} (id text)`);
    await mallory.query(
      `CREATE TABLE heard (what text);
       GRANT INSERT ON heard TO PUBLIC;
       CREATE FUNCTION note(what text) RETURNS void LANGUAGE plpgsql AS $$BEGIN
         IF current_user <> '${malloryRole.name}' THEN INSERT INTO public.heard VALUES (what); END IF; END$$;
       CREATE FUNCTION tell(what text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN
         PERFORM public.note(what); RETURN what; END$$`,
    );
    const schema = new TableSchema();
    schema.determine('public');
    share = new PoolRegistry().share(server.connectionString, { limits: DEFAULT_TIME_LIMITS });
    const db = new Database({
      ...{ name: 'marks', share, limits: DEFAULT_TIME_LIMITS, random: new SystemRandom(), schema },
    });
    table = new PartitionTable(KEY, schema);
    marks = new MarksTable(db);
  });
  afterEach(async () => {
    await share.release();
    for (const client of [admin, mallory]) await client.end();
    await server.drop();
    await malloryRole.drop();
    await database.drop();
  });

  const heard = async () => (await admin.query('SELECT what FROM public.heard')).rows;
  const written = async () => (await admin.query('SELECT relation, mark FROM querator_marks')).rows;

  test('is created by the first mark, and keeps the higher of two marks', async () => {
    expect(await marks.load(table)).toBe(undefined);
    await marks.save(table, '0b');
    await marks.save(table, '0a');
    expect(await marks.load(table)).toBe('0b');
    await marks.save(table, '0c');
    expect(await written()).toEqual([{ relation: TABLE, mark: '0c' }]);
  });

  test('may be dropped at any time', async () => {
    await marks.save(table, '0a');
    await admin.query('DROP TABLE querator_marks');
    expect(await marks.load(table)).toBe(undefined);
    await marks.save(table, '0b');
    await admin.query('DROP TABLE querator_marks');
    await marks.save(table, '0c');
    await marks.save(table, '0d');
    expect(await marks.load(table)).toBe('0d');
  });

  test('loses the marks of dropped tables', async () => {
    await marks.save(table, '0a');
    await admin.query(`INSERT INTO querator_marks VALUES ('items_gone', 1, '0a')`);
    for (let n = 0; n < 1_000; n++) await marks.save(table, '0b');
    expect(await written()).toHaveLength(2);
    await marks.save(table, '0b');
    expect(await written()).toEqual([{ relation: TABLE, mark: '0b' }]);
  });

  const SHAPE =
    'relation text COLLATE "C" PRIMARY KEY, relation_id oid NOT NULL, mark text COLLATE "C" NOT NULL';
  test.each([
    [
      'view',
      `CREATE VIEW querator_marks AS
        SELECT tell('${TABLE}') AS relation, '${TABLE}'::regclass::oid AS relation_id, tell('01') AS mark`,
    ],
    ['constraint', `CREATE TABLE querator_marks (${SHAPE}, CHECK (tell(mark) IS NOT NULL))`],
    ['default', `CREATE TABLE querator_marks (${SHAPE}, spy text DEFAULT tell('default'))`],
    ['index', `CREATE TABLE querator_marks (${SHAPE}); CREATE INDEX spy ON querator_marks (tell(mark))`],
    [
      'policy',
      `CREATE TABLE querator_marks (${SHAPE});
       CREATE POLICY spy ON querator_marks USING (tell('policy') IS NOT NULL);
       ALTER TABLE querator_marks ENABLE ROW LEVEL SECURITY`,
    ],
  ])('is not used if it would run code of another role: %s', async (_, statements) => {
    await mallory.query(statements);
    await mallory.query('GRANT ALL ON querator_marks TO PUBLIC');
    expect(await marks.load(table)).toBe(undefined);
    await marks.save(table, '0a');
    expect(await marks.load(table)).toBe(undefined);
    expect(await heard()).toEqual([]);
  });

  test('is not used if another role owns it, which could hide items behind a mark', async () => {
    await mallory.query(`CREATE TABLE querator_marks (${SHAPE}); GRANT ALL ON querator_marks TO PUBLIC`);
    await mallory.query(`INSERT INTO querator_marks VALUES ('${TABLE}', '${TABLE}'::regclass, '0b')`);
    expect(await marks.load(table)).toBe(undefined);
    await marks.save(table, '0c');
    expect(await written()).toEqual([{ relation: TABLE, mark: '0b' }]);
  });

  test('is not used without the rights on it', async () => {
    await mallory.query(`CREATE TABLE querator_marks (${SHAPE})`);
    expect(await marks.load(table)).toBe(undefined);
    await marks.save(table, '0a');
    await admin.query('DROP TABLE querator_marks');
    await admin.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    await marks.save(table, '0a');
    expect(await marks.load(table)).toBe(undefined);
  });
});
