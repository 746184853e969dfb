import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HOUR, item } from './support/contents.ts';
import { FIRST_VERSION_ROWS, FIRST_VERSION_TABLES } from './support/first-version.ts';
import { createRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'my-queue', partition: 0 };
const TABLE = 'items_255436d8bdc5_000000';
const PARAMETERS = [
  'autovacuum_vacuum_cost_limit=2000',
  'autovacuum_vacuum_scale_factor=0.02',
  'autovacuum_vacuum_threshold=1000',
];

describe('storage parameters of an items table', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
  });
  afterEach(async () => {
    await client.end();
    await database.drop();
  });

  /** The parameters of the table after a new backend has used it. */
  async function afterUse(connectionString = database.connectionString): Promise<readonly string[]> {
    const backend = testBackend(connectionString);
    await backend.partitionStore(KEY).produce([{ items: [item('a')] }], HOUR);
    await backend.close();
    const { rows } = await client.query(
      'SELECT unnest(reloptions) AS option FROM pg_class WHERE oid = $1::regclass ORDER BY 1',
      [TABLE],
    );
    return rows.map((row) => row.option);
  }

  async function firstVersion(): Promise<void> {
    for (const text of [...FIRST_VERSION_TABLES, ...FIRST_VERSION_ROWS]) await client.query(text);
  }

  test('are set when the table is created', async () => {
    expect(await afterUse()).toEqual(PARAMETERS);
  });

  test('are added to an older table', async () => {
    await firstVersion();
    expect(await afterUse()).toEqual(PARAMETERS);
  });

  test('keep the values of an operator', async () => {
    await firstVersion();
    await client.query(`ALTER TABLE ${TABLE} SET (autovacuum_vacuum_threshold = 77, fillfactor = 80)`);
    const mine = PARAMETERS.map((option) => option.replace('threshold=1000', 'threshold=77'));
    expect(await afterUse()).toEqual([...mine, 'fillfactor=80']);
  });

  test('of a table of another owner are not changed, and the table is used nevertheless', async () => {
    await firstVersion();
    // Its owner has used this version, and migrated the queues' table.
    await client.query('CREATE UNIQUE INDEX querator_queues_hash ON querator_queues ("left"(md5(name), 12))');
    const role = await createRole(database, 'guest');
    await client.query(`GRANT USAGE, CREATE ON SCHEMA public TO ${role.name}`);
    await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role.name}`);
    await client.query(`GRANT USAGE ON SEQUENCE querator_item_id TO ${role.name}`);
    expect(await afterUse(role.connectionString)).toEqual([]);
    await role.drop();
  });

  test('are set at a later start if the table is locked; requests do not wait', async () => {
    await firstVersion();
    await client.query('BEGIN');
    // Like a manual VACUUM, it lets reads and writes pass.
    await client.query(`LOCK TABLE ${TABLE} IN SHARE UPDATE EXCLUSIVE MODE`);
    const warnings: unknown[] = [];
    const log = (message: string, fields?: unknown) => void warnings.push([message, fields]);
    const logger = { debug() {}, info() {}, warn: log, error: log };
    const backend = testBackend(database.connectionString, { logger, timeouts: { lockMs: 100 } });
    await backend.partitionStore(KEY).produce([{ items: [item('a')] }], HOUR);
    await backend.close();
    await client.query('ROLLBACK');
    expect(warnings).toMatchObject([
      ['table was not brought up to date', { storage: 'postgres-01', table: TABLE }],
      ['column was not added to a table; another try follows', { storage: 'postgres-01', table: TABLE }],
    ]);
    expect(await afterUse()).toEqual(PARAMETERS);
  });
});
