import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type RunningServer, startServer } from '../../src/index.ts';
import { configFor, readReply } from '../support/test-server.ts';

const PATIENCE = { timeout: 20_000, interval: 20 };

const PASSES = {
  componentType: 'datastore',
  status: 'pass',
  observedValue: expect.any(Number),
  observedUnit: 'ms',
  time: expect.any(String),
  capabilities: expect.arrayContaining(['durable', 'shared']),
};

describe('GET /health while dead rows are kept', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  let server: RunningServer;
  let admin: pg.Client;
  let holder: pg.Client;

  beforeAll(async () => {
    const settings = { max_prepared_transactions: '5', allow_system_table_mods: 'on' };
    cluster = await startTemporaryCluster({ volatile: true, settings });
    admin = new pg.Client(cluster.connectionString());
    await admin.connect();
    // Sessions of the server resolve names in pg_catalog only, so the clock is replaced there.
    await admin.query('ALTER FUNCTION pg_catalog.statement_timestamp() RENAME TO true_timestamp');
    await setClockAhead('0 s');
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    server = await startServer(configFor(cluster.connectionString()), deps);
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await admin.end();
    await cluster.stop();
  });
  beforeEach(async () => {
    holder = new pg.Client({
      connectionString: cluster.connectionString(),
      application_name: 'nightly dump',
    });
    await holder.connect();
  });
  afterEach(async () => {
    await setClockAhead('0 s');
    await holder.end();
  });

  /** Moves the time that the server's statements see, so that no test waits until a transaction is a minute old. */
  async function setClockAhead(by: string): Promise<void> {
    await admin.query(
      `CREATE OR REPLACE FUNCTION pg_catalog.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
       AS $$ SELECT pg_catalog.true_timestamp() + interval '${by}' $$`,
    );
  }

  /** The check of the storage in `/health`. The server itself passes, even if all checks count. */
  async function lookAtStorage() {
    const { status, json } = await readReply(await fetch(`${server.url}/health?requireStorage=all`));
    expect([status, json.status, json.checks['queues:storage'][0].status]).toEqual([200, 'pass', 'pass']);
    expect(json.checks['store-0:storage']).toHaveLength(1);
    return json.checks['store-0:storage'][0];
  }

  /** Waits for the check, because a clock ahead makes the server's own short statements look old too. */
  async function becomes(expected: object): Promise<void> {
    await vi.waitFor(async () => expect(await lookAtStorage()).toEqual(expected), PATIENCE);
  }

  test('passes with a warning of the storage, and names the session after a minute', async () => {
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    const { rows } = await holder.query('SELECT pg_backend_pid() AS pid');
    expect(await lookAtStorage()).toEqual(PASSES);
    await setClockAhead('61 s');
    const who = `session ${rows[0].pid} \\(nightly dump, postgres, idle in transaction\\)`;
    await becomes({
      ...PASSES,
      status: 'warn',
      output: expect.stringMatching(new RegExp(`^dead rows are kept by ${who}, for \\d+ s$`)),
    });
    await holder.query('COMMIT');
    await becomes(PASSES);
  });

  test('names a prepared transaction, and each of several kinds of holder', async () => {
    await holder.query(`BEGIN; CREATE TABLE forgotten (n int); PREPARE TRANSACTION 'lost one'`);
    expect(await lookAtStorage()).toEqual(PASSES);
    await setClockAhead('2 h');
    const lost = `dead rows are kept by prepared transaction 'lost one', for 7\\d{3} s`;
    await becomes({
      ...PASSES,
      status: 'warn',
      output: expect.stringMatching(new RegExp(`^${lost}$`)),
    });
    await holder.query('BEGIN');
    await holder.query('SELECT txid_current()');
    const dump = 'dead rows are kept by session \\d+ \\(nightly dump, .*\\), for 7\\d{3} s';
    await becomes({
      ...PASSES,
      status: 'warn',
      output: expect.stringMatching(new RegExp(`^${lost}; ${dump}$`)),
    });
    await holder.query('ROLLBACK');
    await holder.query(`ROLLBACK PREPARED 'lost one'`);
    await becomes(PASSES);
  });
});
