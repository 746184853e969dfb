import process from 'node:process';
import { Load } from '@querator/tooling-load';
import { type Cluster, createTestDatabase, startTemporaryCluster } from '@querator/tooling-postgres';
import { ServerProcess } from '@querator/tooling-processes';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { PgBouncer } from '../../src/poolers/pgbouncer.ts';
import { startPgpool } from '../../src/poolers/pgpool.ts';
import type { PoolerProcess } from '../../src/poolers/pooler-process.ts';
import { complete, consumerWaits, idsOf, lease, produce, textsOf } from '../queue-calls.ts';

const isShort = process.env['QUERATOR_CLUSTER_SHORT'] === '1';
const WITHIN = { timeout: 60_000, interval: 20 };
/** Servers poll once in 1.25 s, and need a moment to lease. */
const POLL_MS = 2_500;
const FOUND = 'behind a pooler of connections';
const DEAF = 'notifications of PostgreSQL do not arrive';

/** A path to the database. */
interface Way {
  readonly name: string;
  readonly query: string;
  /** The server's log line about it, once. Undefined if sessions are kept and notifications arrive. */
  readonly says: string | undefined;
  readonly inShort: boolean;
  readonly start: () => Promise<{ readonly process: PoolerProcess; stop(): Promise<void> }>;
}

let cluster: Cluster;
const cleanups: (() => Promise<unknown>)[] = [];

const WAYS: readonly Way[] = [
  {
    ...{ name: 'PgBouncer, transaction mode', query: '', says: FOUND, inShort: true },
    start: () => PgBouncer.start(cluster, { mode: 'transaction', poolSize: 3 }),
  },
  {
    ...{ name: 'PgBouncer, transaction mode, options ignored', query: '', says: FOUND, inShort: false },
    start: () => {
      const extra = ['ignore_startup_parameters = options'];
      return PgBouncer.start(cluster, { mode: 'transaction', poolSize: 3, extra });
    },
  },
  {
    ...{ name: 'PgBouncer, session mode', query: 'pooler=session', says: undefined, inShort: false },
    start: () => PgBouncer.start(cluster, { mode: 'session', poolSize: 20 }),
  },
  {
    ...{ name: 'pgpool-II', query: '', says: undefined, inShort: false },
    start: async () => {
      const pgpool = await startPgpool(cluster);
      return { process: pgpool, stop: () => pgpool.stop() };
    },
  },
];

beforeAll(async () => {
  cluster = await startTemporaryCluster();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => cluster?.stop());

describe.each(WAYS.filter(({ inShort }) => inShort || !isShort))('two servers through $name', (way) => {
  async function setUp() {
    const database = await createTestDatabase(cluster.connectionString());
    cleanups.push(() => database.drop());
    const pooler = await way.start();
    cleanups.push(() => pooler.stop());
    const connectionString = pooler.process.connectionString(database.name, way.query);
    const start = async () => {
      const server = await ServerProcess.start({ storage: connectionString, maxConns: 8 });
      cleanups.push(() => server.stop());
      return server;
    };
    const servers = await Promise.all([start(), start()] as const);
    return { servers, pooler, database };
  }

  test('every acknowledged item is completed once', async () => {
    const { servers, database } = await setUp();
    const load = new Load(servers);
    await load.createQueues();
    load.start(3);
    await load.more(isShort ? 500 : 2_000);
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
    expect(load.ledger).toMatchObject({ unknown: 0, refused: 0, perhapsCompleted: 0 });
    if (way.name.startsWith('PgBouncer, transaction')) {
      const admin = new pg.Client(database.connectionString);
      await admin.connect();
      const { rows } = await admin.query(
        `SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
      await admin.end();
      // The servers share the sessions.
      expect(rows[0].sessions).toBeLessThanOrEqual(3);
    }
  });

  test('a waiting consumer at one gets an item that is produced at the other', async () => {
    const { servers } = await setUp();
    const [one, other] = servers;
    const times: number[] = [];
    await one.createQueue('jobs');
    for (let n = 0; n < 3; n++) {
      const waiting = lease(one, 'jobs', 1);
      await consumerWaits(one, 'jobs');
      await produce(other, 'jobs', [`hello ${n}`]);
      const acknowledgedAt = performance.now();
      const items = await waiting;
      times.push(performance.now() - acknowledgedAt);
      expect(textsOf(items)).toEqual([`hello ${n}`]);
      expect((await complete(one, 'jobs', idsOf(items))).status).toBe(200);
    }
    // Far below the 30 s of the request, and the 12 s of a server that relies on notifications that do not arrive.
    expect(Math.max(...times)).toBeLessThan(way.says === undefined ? 2 * POLL_MS : POLL_MS);
    await vi.waitFor(() => {
      const said = [FOUND, DEAF].flatMap((words) => Array(one.logged(words)).fill(words));
      expect(said).toEqual(way.says === undefined ? [] : [way.says]);
    }, WITHIN);
  });

  test('the pooler is killed under load and restarted, and no acknowledged item is lost', async () => {
    const { servers, pooler } = await setUp();
    const load = new Load(servers);
    await load.createQueues();
    load.start(3);
    for (let round = 0; round < (isShort ? 1 : 3); round++) {
      await load.more(200);
      await pooler.process.kill();
      await pooler.process.start();
    }
    await load.more(200);
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  });
});
