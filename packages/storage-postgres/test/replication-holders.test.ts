import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { StandInStandby } from './support/stand-in-standby.ts';
import { testBackend } from './support/test-backend.ts';
import { letTransactionsPass } from './support/transactions.ts';

const WAIT_OPTIONS = { timeout: 20_000, interval: 20 };
const SLOT = 'standby_1';

/** On a server of its own: slots and standbys keep the dead rows of all its databases. */
describe('replication that keeps dead rows', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  let admin: pg.Client;
  let standby: StandInStandby | undefined;
  /** For a user with no more rights than the documents demand. */
  let backend: ReturnType<typeof testBackend>;

  beforeAll(async () => {
    cluster = await startTemporaryCluster({ volatile: true });
    admin = new pg.Client(cluster.connectionString());
    await admin.connect();
    await admin.query(`CREATE USER querator PASSWORD 'secret'; GRANT CREATE ON SCHEMA public TO querator`);
  }, 60_000);
  afterAll(async () => {
    await admin.end();
    await cluster.stop();
  });

  beforeEach(() => {
    const url = new URL(cluster.connectionString());
    url.username = 'querator';
    url.password = 'secret';
    backend = testBackend(url.href);
  });
  afterEach(async () => {
    await standby?.end();
    standby = undefined;
    await backend.close();
  });

  /** The number of a transaction that has just ended. */
  async function now(): Promise<bigint> {
    const { rows } = await admin.query<{ txid: string }>('SELECT txid_current() AS txid');
    return BigInt(rows[0]?.txid ?? 0);
  }

  async function ask(query: string): Promise<unknown> {
    const { rows } = await admin.query({ text: query, rowMode: 'array' });
    return rows[0]?.[0];
  }

  test('a slot is named after many transactions, even after its standby is gone', async () => {
    await admin.query(`SELECT pg_create_physical_replication_slot('${SLOT}', true)`);
    standby = await StandInStandby.start(cluster.connectionString(), 'node_2', SLOT);
    // What a standby keeps in the catalogue alone, for its own slots, does not make an items table grow.
    const catalogue = await now();
    await letTransactionsPass(admin, 60_000);
    standby.needs(await now(), catalogue);
    const xmin = 'SELECT xmin FROM pg_replication_slots';
    await vi.waitFor(async () => expect(await ask(xmin)).not.toBeNull(), WAIT_OPTIONS);
    await letTransactionsPass(admin, 60_000);
    expect(await backend.ping()).toEqual([]);
    await letTransactionsPass(admin, 60_000);
    const [notice, ...more] = await backend.ping();
    expect(more).toEqual([]);
    expect(notice).toMatchObject({ kind: 'held-horizon', holder: 'replication-slot', seconds: 0 });
    // The server itself may have run a few more transactions.
    expect(notice?.transactions).toBeGreaterThanOrEqual(120_000);
    expect(notice?.transactions).toBeLessThan(130_000);
    expect(notice?.text).toBe(
      `dead rows are kept by replication slot ${SLOT}, over ${notice?.transactions} transactions`,
    );
    await standby.end();
    standby = undefined;
    const isActive = 'SELECT active FROM pg_replication_slots';
    await vi.waitFor(async () => expect(await ask(isActive)).toBe(false), WAIT_OPTIONS);
    expect((await backend.ping()).map(({ holder }) => holder)).toEqual(['replication-slot']);
    await admin.query(`SELECT pg_drop_replication_slot('${SLOT}')`);
    expect(await backend.ping()).toEqual([]);
  });

  test('a standby without a slot is named after many transactions, until it is gone', async () => {
    standby = await StandInStandby.start(cluster.connectionString(), 'node_3');
    const then = await now();
    standby.needs(then, then);
    const xmin = 'SELECT backend_xmin FROM pg_stat_replication';
    await vi.waitFor(async () => expect(await ask(xmin)).not.toBeNull(), WAIT_OPTIONS);
    expect(await backend.ping()).toEqual([]);
    await letTransactionsPass(admin, 100_000);
    const notices = await backend.ping();
    expect(notices).toEqual([
      {
        kind: 'held-horizon',
        text: expect.stringMatching(/^dead rows are kept by standby node_3, over 10\d{4} transactions$/),
        holder: 'standby',
        seconds: 0,
        transactions: expect.any(Number),
      },
    ]);
    await standby.end();
    standby = undefined;
    const standbys = 'SELECT count(*)::int FROM pg_stat_replication';
    await vi.waitFor(async () => expect(await ask(standbys)).toBe(0), WAIT_OPTIONS);
    expect(await backend.ping()).toEqual([]);
  });
});
