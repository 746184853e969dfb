import { type LogFields, silentLogger } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createOwner, type TestRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';
import { letTransactionsPass } from './support/transactions.ts';

/** Every open transaction is reported if its start is known. */
const AT_ONCE = { timeouts: { heldHorizonMs: 0 } };

describe('transactions of another user', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  /** Has the rights that the documents demand. */
  let role: TestRole;
  let dump: pg.Client;
  /** Also for the other user. */
  let other: pg.Client;
  let backend: ReturnType<typeof testBackend>;
  let logged: { readonly message: string; readonly fields: LogFields | undefined }[];

  beforeEach(async () => {
    database = await createTestDatabase();
    role = await createOwner(database);
    dump = new pg.Client({ connectionString: database.connectionString, application_name: 'nightly dump' });
    other = new pg.Client(database.connectionString);
    for (const client of [dump, other]) await client.connect();
    logged = [];
    const log = (message: string, fields?: LogFields) => void logged.push({ message, fields });
    const logger = { ...silentLogger, info: log, warn: log, error: log };
    backend = testBackend(role.connectionString, { ...AT_ONCE, logger });
  });
  afterEach(async () => {
    await backend.close();
    for (const client of [dump, other]) await client.end();
    await role.drop();
    await database.drop();
  });

  const pidOf = async (client: pg.Client) =>
    (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;

  test('are named after many transactions, together with the missing grant', async () => {
    await dump.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    const pid = await pidOf(dump);
    expect(await backend.ping()).toEqual([]);
    await letTransactionsPass(other, 100_000);
    const [notice, ...more] = await backend.ping();
    expect(more).toEqual([]);
    expect(notice?.text).toMatch(
      new RegExp(
        `^dead rows are kept by session ${pid} \\(nightly dump, \\w+\\), over \\d{6,} transactions; ` +
          `since when is hidden, missing: GRANT pg_read_all_stats TO ${role.name}$`,
      ),
    );
    expect(notice).toMatchObject({ kind: 'held-horizon', holder: 'session', seconds: 0 });
    expect(notice?.transactions).toBeGreaterThanOrEqual(100_000);
    await dump.query('COMMIT');
    expect(await backend.ping()).toEqual([]);
  });

  test('are named if they have written and are idle now', async () => {
    await dump.query('BEGIN');
    await dump.query('SELECT txid_current()');
    await letTransactionsPass(other, 100_000);
    expect((await backend.ping()).map(({ holder }) => holder)).toEqual(['session']);
  });

  test('do not hide a transaction whose start is known', async () => {
    const own = new pg.Client({ connectionString: role.connectionString, application_name: 'own' });
    await own.connect();
    await dump.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await dump.query('SELECT 1');
    await letTransactionsPass(other, 100_000);
    await own.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await own.query('SELECT 1');
    const texts = (await backend.ping()).map(({ text }) => text);
    expect(texts).toEqual([expect.stringContaining('(nightly dump'), expect.stringContaining('(own')]);
    expect(texts[1]).toMatch(/idle in transaction\), for \d+ s$/);
    await own.end();
  });

  test('are logged once if their start is hidden', async () => {
    await backend.ping();
    expect(logged).toEqual([]);
    await dump.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await dump.query('SELECT 1');
    await backend.ping();
    await backend.ping();
    expect(logged).toEqual([
      {
        message: expect.stringContaining('since when transactions of other users are open is hidden'),
        fields: { storage: 'postgres-01', missing: `GRANT pg_read_all_stats TO ${role.name}` },
      },
    ]);
  });

  test('are named at once with the grant, and nothing is logged', async () => {
    await other.query(`GRANT pg_read_all_stats TO ${role.name}`);
    await dump.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    const pid = await pidOf(dump);
    const [notice] = await backend.ping();
    expect(notice?.text).toMatch(
      new RegExp(
        `^dead rows are kept by session ${pid} \\(nightly dump, \\w+, idle in transaction\\), for \\d+ s$`,
      ),
    );
    expect(notice?.seconds).toBeGreaterThan(0);
    expect(logged).toEqual([]);
  });

  test('are judged by their number of transactions if the server tracks no times', async () => {
    await other.query(`GRANT pg_read_all_stats TO ${role.name}`);
    await dump.query('SET track_activities = off');
    await dump.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await dump.query('SELECT 1');
    await letTransactionsPass(other, 100_000);
    const [notice] = await backend.ping();
    expect(notice?.text).toMatch(/\(nightly dump, .*\), over \d{6,} transactions$/);
    expect(logged).toEqual([]);
  });
});
