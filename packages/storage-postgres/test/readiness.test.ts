import { SystemRandom, silentLogger } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Database, type Statement } from '../src/database/database.ts';
import { TableSchema } from '../src/database/table-schema.ts';
import { WriteFaults } from '../src/database/write-faults.ts';
import { PostgresError } from '../src/errors/postgres-error.ts';
import { PoolRegistry } from '../src/index.ts';
import { HorizonHolders } from '../src/operations/horizon-holders.ts';
import { ping } from '../src/operations/ping.ts';
import { SchemaManager } from '../src/schema/schema-manager.ts';
import { DEFAULT_TIME_LIMITS } from '../src/settings/time-limits.ts';
import { auditEvent } from './support/audit-content.ts';
import { HOUR, item } from './support/contents.ts';
import { createRole, type TestRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'my-queue', partition: 0 };

describe('a ping reports whether the database can serve', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  let role: TestRole;
  let backend: ReturnType<typeof testBackend>;

  beforeEach(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
    role = await createRole(database, 'user');
    // The default from PostgreSQL 15 on. Before that, every role had the right.
    await client.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    backend = testBackend(role.connectionString);
  });
  afterEach(async () => {
    await backend.close();
    await client.end();
    await role.drop();
    await database.drop();
  });

  /** Creates the tables as another role, and lets the role use them. */
  async function othersTables(): Promise<void> {
    const other = testBackend(database.connectionString);
    await other.partitionStore(KEY).stats();
    await other.close();
    await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role.name}`);
    await client.query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role.name}`);
  }

  test('without the right to create tables it fails until the right is granted, and it creates none itself', async () => {
    const missing = `storage 'postgres-01': rights are missing: GRANT CREATE ON SCHEMA public TO ${role.name}`;
    await expect(backend.ping()).rejects.toMatchObject({ name: 'StorageError', message: missing });
    await client.query(`GRANT CREATE ON SCHEMA public TO ${role.name}`);
    expect(await backend.ping()).toEqual([]);
    const { rows } = await client.query(`SELECT relname FROM pg_class WHERE relname LIKE 'querator%'`);
    expect(rows).toEqual([]);
  });

  test('if the tables exist it succeeds without that right, and reports what the server cannot do', async () => {
    await othersTables();
    expect(await backend.ping()).toEqual([
      {
        kind: 'missing-right',
        text: `new queues cannot be created here, missing: GRANT CREATE ON SCHEMA public TO ${role.name}`,
      },
    ]);
    await backend.partitionStore(KEY).produce([{ items: [item('a')] }], HOUR);
  });

  test.each([
    ['USAGE', 'SEQUENCE querator_item_id'],
    ['SELECT', 'TABLE querator_queues'],
    ['SELECT', 'TABLE querator_schema'],
    ['INSERT', 'TABLE querator_queues'],
  ])('without %s on %s it fails', async (right, relation) => {
    await othersTables();
    await client.query(`REVOKE ${right} ON ${relation} FROM ${role.name}`);
    await expect(backend.ping()).rejects.toThrow(`GRANT ${right} ON ${relation} TO ${role.name}`);
    await client.query(`GRANT ${right} ON ${relation} TO ${role.name}`);
    expect(await backend.ping()).toHaveLength(1);
  });

  test('without a right on the table of audit events it fails if that is in use', async () => {
    const [right, table] = ['INSERT', 'querator_audit'];
    const owner = testBackend(database.connectionString);
    await owner.auditStore().append([auditEvent('b')]);
    await owner.close();
    await othersTables();
    await client.query(`REVOKE ${right} ON ${table} FROM ${role.name}`);
    expect(await backend.ping()).toHaveLength(1);
    await backend
      .auditStore()
      .append([auditEvent('a')])
      .catch(() => {});
    await expect(backend.ping()).rejects.toThrow(`GRANT ${right} ON TABLE ${table} TO ${role.name}`);
    await client.query(`GRANT ${right} ON ${table} TO ${role.name}`);
    expect(await backend.ping()).toHaveLength(1);
  });

  test('with tables of a newer version it fails, even on a running server', async () => {
    await client.query(`GRANT CREATE ON SCHEMA public TO ${role.name}`);
    await backend.partitionStore(KEY).stats();
    expect(await backend.ping()).toEqual([]);
    await client.query('INSERT INTO querator_schema (version, applied_at) VALUES (99, now())');
    await expect(backend.ping()).rejects.toThrow('the tables in this database have version 99');
  });

  /** The dependencies of a ping, on a connection of its own that a test may change. */
  function context(over: Partial<Database> = {}) {
    const limits = DEFAULT_TIME_LIMITS;
    const share = new PoolRegistry({ logger: silentLogger }).share(database.connectionString, {
      ...{ maxConns: 2, limits },
    });
    const real = new Database({
      ...{ name: 'postgres-01', share, limits, random: new SystemRandom(), schema: new TableSchema() },
    });
    const db = {
      schema: real.schema,
      searchPath: () => real.searchPath(),
      read: (statement: Statement) => real.read(statement),
      scanInBackground: (statement: Statement) => real.scanInBackground(statement),
      transaction: (work: Parameters<Database['transaction']>[0]) => real.transaction(work),
      writeFaults: real.writeFaults,
      itemNumbers: real.itemNumbers,
      ...over,
    } as unknown as Database;
    const schema = new SchemaManager(db, { backend: 'postgres-01' });
    const holders = new HorizonHolders({
      ...{ db, storage: 'postgres-01', logger: silentLogger, heldHorizonMs: 60_000 },
    });
    return { real, release: () => share.release(), ping: { db, storage: 'postgres-01', schema, holders } };
  }

  test('on a server that is too old it always fails', async () => {
    const {
      real,
      release,
      ping: on,
    } = context({
      read: async (statement) => {
        const rows = (await real.read(statement)) as { number?: number }[];
        const old = { number: 110_022, text: '11.22' };
        return (rows[0]?.number === undefined ? rows : [{ ...rows[0], ...old }]) as never;
      },
    });
    for (let n = 0; n < 2; n++) {
      await expect(ping(on)).rejects.toThrow(
        "storage 'postgres-01': the server is PostgreSQL 11.22; PostgreSQL 12 or newer is needed",
      );
    }
    await release();
  });

  describe('a server that refuses writes for lack of space', () => {
    const refuse = (kind: string) => `
      CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''could not extend file'' USING ERRCODE = ''53100''; END';
      CREATE TRIGGER full_disk BEFORE ${kind} ON items_255436d8bdc5_000000 EXECUTE FUNCTION full_disk()`;

    test('fails the ping until a produce succeeds', async () => {
      const owner = testBackend(database.connectionString);
      const store = owner.partitionStore(KEY);
      const produce = () => store.produce([{ items: [item('a')] }], HOUR);
      await produce();
      await client.query(refuse('INSERT'));
      await expect(produce()).rejects.toMatchObject({ sqlState: '53100' });
      await store.lease({ limit: 1, leaseTimeout: HOUR });
      await expect(owner.ping()).rejects.toThrow(
        "storage 'postgres-01': writes are refused: could not extend file (SQLSTATE 53100)",
      );
      await client.query('DROP TRIGGER full_disk ON items_255436d8bdc5_000000');
      await produce();
      expect(await owner.ping()).toEqual([]);
      await owner.close();
    });

    test('is tested by a write that leaves nothing, if no write came for half a minute', async () => {
      const clock = new ManualClock();
      const writeFaults = new WriteFaults(clock);
      const { real, release, ping: on } = context({ writeFaults });
      const full = new PostgresError("storage 'postgres-01': could not extend file", {
        ...{ outcome: 'not-applied', sqlState: '53100', connectionLost: false, timedOut: false },
      });
      writeFaults.refused('produce', full);
      await clock.advance('29s');
      await expect(ping(on)).rejects.toThrow('writes are refused: could not extend file');
      await clock.advance('1s');
      const isFull = {
        ...on,
        db: { ...on.db, transaction: () => Promise.reject(full) } as unknown as Database,
      };
      await expect(ping(isFull)).rejects.toThrow('writes are refused: could not extend file');
      let written = 0;
      const counted: Database['transaction'] = (work) =>
        real.transaction((session) =>
          work({
            query: async (statement) => {
              const rows = await session.query(statement);
              const [size] = await session.query<{ size: string }>({
                text: `SELECT sum(pg_relation_size(oid)) AS size FROM pg_class WHERE relname LIKE 'querator_probe_%'`,
              });
              written = Math.max(written, Number(size?.size));
              return rows as never;
            },
          }),
        );
      expect(await ping({ ...on, db: { ...on.db, transaction: counted } as unknown as Database })).toEqual(
        [],
      );
      expect(written).toBeGreaterThan(1_000_000);
      expect(writeFaults.any).toBe(false);
      const { rows } = await client.query(`SELECT relname FROM pg_class WHERE relname LIKE 'querator%'`);
      expect(rows).toEqual([]);
      await release();
    });
  });
});
