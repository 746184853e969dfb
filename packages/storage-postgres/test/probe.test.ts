import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { probePartition } from '../src/operations/probe.ts';
import { PartitionTable } from '../src/sql/partition-table.ts';
import { HOUR, item } from './support/contents.ts';
import { RecordingDatabase } from './support/recording-database.ts';
import { createRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'probed', partition: 0 };
const table = new PartitionTable(KEY);

describe('a probe', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    admin = new pg.Client({ connectionString: database.connectionString });
    await admin.connect();
    const backend = testBackend(database.connectionString);
    await backend.partitionStore(KEY).produce([{ items: [item('a')] }], HOUR);
    await backend.close();
  });
  afterEach(async () => {
    await admin.end();
    await database.drop();
  });

  test.each([
    ['INSERT', 'TABLE', table.name],
    ['UPDATE', 'TABLE', table.name],
    ['DELETE', 'TABLE', table.name],
    ['USAGE', 'SEQUENCE', 'querator_item_id'],
  ])('fails without %s on the %s %s, and names the grant', async (right, kind, name) => {
    const role = await createRole(database, 'probing');
    await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role.name}`);
    await admin.query(`GRANT SELECT, USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role.name}`);
    const backend = testBackend(role.connectionString);
    const store = backend.partitionStore(KEY);
    await store.probe();
    await admin.query(`REVOKE ${right} ON ${kind} ${name} FROM ${role.name}`);
    await expect(store.probe()).rejects.toMatchObject({
      name: 'StorageError',
      outcome: 'not-applied',
      message: expect.stringContaining(`missing: GRANT ${right} ON ${kind} ${name} TO ${role.name}`),
    });
    await admin.query(`GRANT ${right} ON ${kind} ${name} TO ${role.name}`);
    await store.probe();
    await backend.close();
    await role.drop();
  });

  test('fails on a server that accepts no writes', async () => {
    await admin.query(`ALTER DATABASE ${database.name} SET default_transaction_read_only = on`);
    const backend = testBackend(database.connectionString);
    await expect(backend.partitionStore(KEY).probe()).rejects.toMatchObject({
      name: 'StorageError',
      outcome: 'not-applied',
      message: expect.stringMatching(/read-only/),
    });
    await admin.query(`ALTER DATABASE ${database.name} RESET default_transaction_read_only`);
    // Connections to a read-only server are closed: the next one may lead to the primary.
    await backend.partitionStore(KEY).probe();
    await backend.close();
  });

  test('fails while the table is locked against writers', async () => {
    const backend = testBackend(database.connectionString, { timeouts: { lockMs: 50 } });
    await admin.query(`BEGIN; LOCK TABLE ${table.name} IN ACCESS EXCLUSIVE MODE`);
    await expect(backend.partitionStore(KEY).probe()).rejects.toMatchObject({ sqlState: '55P03' });
    await admin.query('COMMIT');
    await backend.partitionStore(KEY).probe();
    await backend.close();
  });

  test('creates a table that an operator dropped', async () => {
    const backend = testBackend(database.connectionString);
    const store = backend.partitionStore(KEY);
    await store.probe();
    await admin.query(`DROP TABLE ${table.name}`);
    await store.probe();
    expect(await store.stats()).toMatchObject({ waiting: 0 });
    await backend.close();
  });

  test('reads at most two pages of an index, whatever number of items wait or are dead', async () => {
    const fill = (from: number) =>
      admin.query(
        `INSERT INTO ${table.name} (id, expire_deadline, created_at)
         SELECT '0' || lpad(to_hex(n), 16, '0') || 'abcdefghij', now() + '1 h', now()
         FROM generate_series(${from}, ${from} + 29999) AS n`,
      );
    await admin.query(`ALTER TABLE ${table.name} SET (autovacuum_enabled = off)`);
    await fill(1_000_000);
    await admin.query(`DELETE FROM ${table.name}`);
    await fill(2_000_000);
    const recording = new RecordingDatabase(admin);
    await probePartition({ db: recording.asDatabase(), table });
    const [statement] = recording.statements;
    // As in our sessions.
    await admin.query('SET enable_seqscan = off');
    const { rows } = await admin.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${statement?.text}`);
    const plan = rows[0]['QUERY PLAN'][0].Plan as Record<string, number>;
    expect(Number(plan['Shared Hit Blocks']) + Number(plan['Shared Read Blocks'])).toBeLessThan(10);
  });
});
