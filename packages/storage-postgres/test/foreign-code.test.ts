import { type Instant, SystemRandom } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itemsTableName, PoolRegistry, postgresItemsTables } from '../src/index.ts';
import { keysTableName } from '../src/sql/table-name.ts';
import { HOUR, item } from './support/contents.ts';
import { createRole, type TestRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'foreign', partition: 0 };
const TABLE = itemsTableName(KEY);
const KEYS = keysTableName(KEY);
const OWNER = { createdAt: 1n as Instant, isThere: async () => true, wasDeleted: async () => false };

describe('objects of other roles on tables', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let server: TestRole;
  let malloryRole: TestRole;
  let admin: pg.Client;
  let mallory: pg.Client;
  let warnings: (Readonly<Record<string, unknown>> | undefined)[];

  beforeEach(async () => {
    database = await createTestDatabase();
    server = await createRole(database, 'server');
    malloryRole = await createRole(database, 'mallory');
    [admin, mallory] = [database, malloryRole].map((to) => new pg.Client(to.connectionString)) as [
      pg.Client,
      pg.Client,
    ];
    for (const client of [admin, mallory]) await client.connect();
    await admin.query('GRANT CREATE ON SCHEMA public TO PUBLIC');
    await mallory.query('CREATE TABLE recorded (what text)');
    await mallory.query('GRANT INSERT ON recorded TO PUBLIC');
    await mallory.query(
      `CREATE FUNCTION note(what text) RETURNS text LANGUAGE plpgsql AS $$BEGIN
        IF current_user <> '${malloryRole.name}' THEN INSERT INTO public.recorded VALUES (what); END IF;
        RETURN what; END$$`,
    );
    // PostgreSQL lets an immutable function write only through another function.
    await mallory.query(
      `CREATE FUNCTION tell(what text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
        $$BEGIN RETURN public.note(what); END$$`,
    );
    await mallory.query(
      `CREATE FUNCTION listen() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        INSERT INTO public.recorded VALUES (TG_NAME); RETURN NEW; END$$`,
    );
    warnings = [];
  });
  afterEach(async () => {
    for (const client of [admin, mallory]) await client.end();
    await server.drop();
    await malloryRole.drop();
    await database.drop();
  });

  async function useTable(): Promise<void> {
    const warn = (_: string, fields?: Readonly<Record<string, unknown>>) => void warnings.push(fields);
    const ignore = () => {};
    const logger = { debug: ignore, info: ignore, error: ignore, warn };
    const backend = testBackend(server.connectionString, { logger });
    try {
      const store = backend.partitionStore(KEY);
      await store.produce([{ items: [item('a')] }], HOUR);
      const [leased] = await store.lease({ limit: 1, leaseTimeout: HOUR });
      await store.complete([{ ids: [leased?.id ?? ''] }]);
    } finally {
      await backend.close();
    }
  }
  async function useKeys(): Promise<void> {
    const backend = testBackend(server.connectionString);
    try {
      const request = { groups: [{ key: 'k', items: [item('a')] }], window: HOUR };
      await backend.partitionStore(KEY).produceKeyed?.([request], { expireTimeout: HOUR, newKeys: 'store' });
    } finally {
      await backend.close();
    }
  }
  const recorded = async () => (await admin.query('SELECT what FROM public.recorded')).rows;

  /** The tables as the server creates them, owned by another role that lets the server use them. */
  async function giveAwayTables(): Promise<void> {
    await useTable();
    await giveAway(TABLE, 'querator_queues', 'querator_schema', 'querator_item_id');
  }

  async function giveAway(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      await admin.query(`ALTER TABLE ${name} OWNER TO ${malloryRole.name}`);
      await mallory.query(`GRANT ALL ON ${name} TO ${server.name}`);
    }
  }

  const TRIGGER = (table: string) =>
    `CREATE TRIGGER spy BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION listen()`;

  test.each([
    ['trigger "spy"', [TRIGGER(TABLE)]],
    ['rule "spy"', [`CREATE RULE spy AS ON INSERT TO ${TABLE} DO ALSO SELECT tell('rule')`]],
    [
      'policy "spy"',
      [
        `CREATE POLICY spy ON ${TABLE} USING (tell('policy') IS NOT NULL)`,
        `ALTER TABLE ${TABLE} ENABLE ROW LEVEL SECURITY`,
      ],
    ],
    ['row security', [`ALTER TABLE ${TABLE} ENABLE ROW LEVEL SECURITY`]],
    ['child table "public.heir"', [`CREATE TABLE heir () INHERITS (${TABLE})`, TRIGGER('heir')]],
  ])('are refused by name on a table of another role: %s', async (what, statements) => {
    await giveAwayTables();
    await useTable();
    for (const text of statements) await mallory.query(text);
    await expect(useTable()).rejects.toMatchObject({
      name: 'StorageError',
      outcome: 'not-applied',
      message: expect.stringContaining(
        `table ${TABLE} belongs to role "${malloryRole.name}" and has the ${what}`,
      ),
    });
    expect(await recorded()).toEqual([]);
  });

  test.each([
    ['default of column "kind"', `ALTER TABLE ${TABLE} ALTER kind SET DEFAULT tell('default')`],
    ['default of column "spy"', `ALTER TABLE ${TABLE} ADD spy text GENERATED ALWAYS AS (tell(kind)) STORED`],
    ['constraint "spy"', `ALTER TABLE ${TABLE} ADD CONSTRAINT spy CHECK (tell(kind) IS NOT NULL)`],
    ['index "public.spy"', `CREATE INDEX spy ON ${TABLE} (tell(kind))`],
    ['index "public.spy"', `CREATE INDEX spy ON ${TABLE} (kind) WHERE tell(kind) IS NULL`],
    [
      'column of table',
      `CREATE DOMAIN spied AS text CHECK (tell(VALUE) IS NOT NULL); ALTER TABLE ${TABLE} ALTER kind TYPE spied`,
    ],
    [
      'constraint "spy"',
      `CREATE OPERATOR === (FUNCTION = same, LEFTARG = text, RIGHTARG = text);
       ALTER TABLE ${TABLE} ADD CONSTRAINT spy CHECK (kind === kind)`,
    ],
  ])('are refused if they call functions of other roles: %s', async (what, statements) => {
    await giveAwayTables();
    await mallory.query(
      `CREATE FUNCTION same(a text, b text) RETURNS bool LANGUAGE sql AS $$SELECT public.tell(a) = b$$`,
    );
    await mallory.query(statements);
    await mallory.query('TRUNCATE recorded');
    await expect(useTable()).rejects.toThrow(what);
    await expect(useTable()).rejects.toThrow(`of role "${malloryRole.name}"`);
    // The table being ours does not make the code so.
    await admin.query(`ALTER TABLE ${TABLE} OWNER TO ${server.name}`);
    const backend = testBackend(server.connectionString);
    try {
      expect(await backend.countSmall([{ ...KEY, createdAt: OWNER.createdAt }])).toEqual([undefined]);
    } finally {
      await backend.close();
    }
    expect(await recorded()).toEqual([]);
  });

  test('are refused on the table of queues too', async () => {
    await giveAwayTables();
    await mallory.query(TRIGGER('querator_queues'));
    await expect(useTable()).rejects.toThrow('table querator_queues belongs to role');
    await mallory.query('DROP TRIGGER spy ON querator_queues');
    await mallory.query(TRIGGER('querator_schema'));
    await expect(useTable()).rejects.toThrow('table querator_schema belongs to role');
    await mallory.query('DROP TRIGGER spy ON querator_schema');
    await mallory.query('CREATE TABLE querator_deleted_queues (name text)');
    await mallory.query(TRIGGER('querator_deleted_queues'));
    await expect(useTable()).rejects.toThrow('table querator_deleted_queues belongs to role');
  });

  test('a trigger of another role on our table is refused until it is removed', async () => {
    await useTable();
    await admin.query(`GRANT TRIGGER ON ${TABLE} TO ${malloryRole.name}`);
    await mallory.query(TRIGGER(TABLE));
    await expect(useTable()).rejects.toThrow(
      `the trigger "spy" of table ${TABLE} uses the function public.listen() of role "${malloryRole.name}"`,
    );
    expect(await recorded()).toEqual([]);
    await admin.query(`DROP TRIGGER spy ON ${TABLE}`);
    await useTable();
  });

  test('objects of a superuser on our table are used, and policies and rules are logged once', async () => {
    await useTable();
    await admin.query(
      'CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$',
    );
    await admin.query(`CREATE TRIGGER audit BEFORE INSERT ON ${TABLE} FOR EACH ROW EXECUTE FUNCTION audit()`);
    await useTable();
    expect(warnings).toEqual([]);
    await admin.query(`CREATE POLICY all_of_it ON ${TABLE} USING (true)`);
    await useTable();
    expect(warnings).toMatchObject([{ table: TABLE, found: ['policy "all_of_it"'] }]);
  });

  test('a table of dedup keys of another role is refused, unless that role owns the items too', async () => {
    await useKeys();
    await giveAway(KEYS);
    await mallory.query(`INSERT INTO ${KEYS} VALUES ('l', 1, 'abcdefghij', now() + interval '1 h')`);
    await expect(useKeys()).rejects.toThrow(
      `table ${KEYS} belongs to role "${malloryRole.name}", which could make new items count as duplicates`,
    );
    await giveAway(TABLE);
    await useKeys();
    await mallory.query(TRIGGER(KEYS));
    await expect(useKeys()).rejects.toThrow(
      `table ${KEYS} belongs to role "${malloryRole.name}" and has the trigger "spy"`,
    );
    expect(await recorded()).toEqual([]);
  });

  /** Any statement that reads the table runs `tell`: PostgreSQL evaluates the expression when it plans. */
  const SPYING = (name: string) =>
    `CREATE TABLE ${name} (id text COLLATE "C" PRIMARY KEY, source_id text UNIQUE, is_leased bool, attempts int,
       max_attempts int, lease_deadline timestamptz, expire_deadline timestamptz, enqueue_at timestamptz,
       created_at timestamptz, reference text, encoding text, kind text, payload bytea, metadata jsonb);
     CREATE INDEX spy ON ${name} (id) WHERE tell('index') = 'no';
     GRANT ALL ON ${name} TO PUBLIC`;

  test('are not run when a partition is measured, or a queue deleted that no call has used', async () => {
    const backend = testBackend(server.connectionString);
    try {
      await backend.queueStore().get('none');
      await mallory.query(SPYING(TABLE));
      expect(await backend.measure([KEY])).toEqual([{ items: 0, bytes: 0 }]);
      expect(await backend.countSmall([{ ...KEY, createdAt: OWNER.createdAt }])).toEqual([undefined]);
      expect(await recorded()).toEqual([]);
      await backend.partitionStore(KEY, OWNER).drop();
      expect(await recorded()).toEqual([]);
      await admin.query(`DROP TABLE ${TABLE}`);
      await mallory.query(`CREATE VIEW ${TABLE} AS SELECT tell('view') AS id`);
      await mallory.query(`GRANT ALL ON ${TABLE} TO PUBLIC`);
      expect(await backend.measure([KEY])).toEqual([{ items: 0, bytes: 0 }]);
      expect(await recorded()).toEqual([]);
    } finally {
      await backend.close();
    }
  });

  test("are not run by the operator's commands for tables", async () => {
    const backend = testBackend(server.connectionString);
    const tables = postgresItemsTables({
      ...{ name: 'postgres-01', connectionString: server.connectionString, queues: backend.queueStore() },
      ...{ registry: new PoolRegistry(), random: new SystemRandom() },
    });
    try {
      await backend.queueStore().get('none');
      await mallory.query(SPYING(TABLE));
      const listed = { table: TABLE, state: 'foreign', items: 0, more: true };
      const found = await tables.list({ all: false });
      expect(await recorded()).toEqual([]);
      expect(found).toMatchObject([listed]);
      for (const force of [false, true])
        await expect(tables.drop(TABLE, { force })).rejects.toThrow('"public.spy"');
      await expect(tables.adopt(TABLE, { queue: KEY.queue })).rejects.toThrow('"public.spy"');
      expect(await recorded()).toEqual([]);
    } finally {
      await tables.close();
      await backend.close();
    }
  });

  test('records of deletions in a table of another role are no proof', async () => {
    await useTable();
    await mallory.query(
      `CREATE TABLE querator_deleted_queues
        (name text COLLATE "C", created_at timestamptz, done_at timestamptz, PRIMARY KEY (name, created_at))`,
    );
    await mallory.query('GRANT ALL ON querator_deleted_queues TO PUBLIC');
    await mallory.query(`INSERT INTO querator_deleted_queues VALUES ('q', '2026-01-01Z')`);
    const backend = testBackend(server.connectionString);
    expect(await backend.queueStore().wasDeleted('q', 1_767_225_600_000_000n as Instant)).toBe(false);
    await backend.close();
  });

  test('a view in place of a table is refused', async () => {
    await mallory.query(`CREATE VIEW ${TABLE} AS SELECT tell('view') AS id`);
    await mallory.query(`GRANT ALL ON ${TABLE} TO PUBLIC`);
    await expect(useTable()).rejects.toThrow(`${TABLE} is no table`);
    expect(await recorded()).toEqual([]);
  });

  test('an index of another role is not taken for ours', async () => {
    await mallory.query(`CREATE INDEX ${TABLE.replace('items', 'idx')}_src ON recorded (what)`);
    await expect(useTable()).rejects.toThrow('already exists');
  });

  test('a sequence of another role is used, with a warning', async () => {
    await useTable();
    await admin.query(`ALTER SEQUENCE querator_item_id OWNER TO ${malloryRole.name}`);
    await mallory.query(`GRANT ALL ON SEQUENCE querator_item_id TO ${server.name}`);
    await useTable();
    expect(warnings).toMatchObject([{ sequence: 'querator_item_id', owner: malloryRole.name }]);
  });
});
