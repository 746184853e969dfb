import process from 'node:process';
import { type Cluster, createTestDatabase, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { PgBouncer } from '../../src/poolers/pgbouncer.ts';
import { startPgpool } from '../../src/poolers/pgpool.ts';
import type { PoolerProcess } from '../../src/poolers/pooler-process.ts';
import { CountedLoad } from './counted-load.ts';
import { ServerProgram } from './server-program.ts';

const isShort = process.env['QUERATOR_CLUSTER_SHORT'] === '1';
const PATIENCE = { timeout: 60_000, interval: 20 };
/** Servers look for what others did once in a second and a quarter, and what they find takes a moment. */
const POLL_MS = 2_500;
const FOUND = 'behind a pooler of connections';
const DEAF = 'notifications of PostgreSQL do not arrive';

/** A way to the database that the tests below go. */
interface Way {
  readonly name: string;
  readonly query: string;
  /** What a server says of it, once; nothing where sessions are kept and notifications arrive. */
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
      const server = await ServerProgram.start(connectionString);
      cleanups.push(() => server.stop());
      return server;
    };
    const servers = await Promise.all([start(), start()] as const);
    await servers[0].create('jobs');
    const admin = new pg.Client(database.connectionString);
    await admin.connect();
    cleanups.push(() => admin.end());
    /** Whether the queue's table is empty, as the database itself says. */
    const isEmpty = async () => {
      const { rows } = await admin.query<{ name: string }>(
        `SELECT relname AS name FROM pg_class WHERE relname LIKE 'items\\_%\\_000000'`,
      );
      const { rows: counted } = await admin.query(`SELECT count(*)::int AS count FROM ${rows[0]?.name}`);
      return counted[0].count === 0;
    };
    return { servers, pooler, isEmpty, admin };
  }

  test('every acknowledged item is completed once', async () => {
    const { servers, isEmpty, admin } = await setUp();
    const load = CountedLoad.start(servers, 'jobs');
    await vi.waitFor(() => expect(load.completions).toBeGreaterThan(isShort ? 500 : 2_000), PATIENCE);
    const { produced, unknown, completed, perhapsCompleted } = await load.drain(isEmpty);
    expect([...unknown, ...perhapsCompleted]).toEqual([]);
    expect([...completed.keys()].sort()).toEqual([...produced].sort());
    expect(Math.max(...completed.values())).toBe(1);
    if (way.name.startsWith('PgBouncer, transaction')) {
      const { rows } = await admin.query(
        `SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
      // They really took turns.
      expect(rows[0].sessions).toBeLessThanOrEqual(3);
    }
  });

  test('a consumer that waits at one is given what comes in at the other', async () => {
    const { servers } = await setUp();
    const [one, other] = servers;
    const times: number[] = [];
    for (let n = 0; n < 3; n++) {
      const waiting = one.lease('jobs', 1, '20s');
      await one.untilHungry('jobs');
      const { status } = await other.produce('jobs', [`hello ${n}`]);
      const acknowledgedAt = performance.now();
      expect(status).toBe(200);
      const items = await waiting;
      times.push(performance.now() - acknowledgedAt);
      expect(items.map(({ text }) => text)).toEqual([`hello ${n}`]);
      expect((await one.complete('jobs', items)).status).toBe(200);
    }
    // Far less than the twenty seconds of the request, and than the twelve of one who wrongly relies on being told.
    expect(Math.max(...times)).toBeLessThan(way.says === undefined ? 2 * POLL_MS : POLL_MS);
    await vi.waitFor(() => {
      const said = [FOUND, DEAF].flatMap((words) => Array(one.logged(words)).fill(words));
      expect(said).toEqual(way.says === undefined ? [] : [way.says]);
    }, PATIENCE);
  });

  test('the pooler dies under load and comes back, and nothing acknowledged is lost', async () => {
    const { servers, pooler, isEmpty } = await setUp();
    const load = CountedLoad.start(servers, 'jobs');
    for (let round = 0; round < (isShort ? 1 : 3); round++) {
      const before = load.completions;
      await vi.waitFor(() => expect(load.completions).toBeGreaterThan(before + 200), PATIENCE);
      await pooler.process.kill();
      await pooler.process.start();
    }
    const before = load.completions;
    await vi.waitFor(() => expect(load.completions).toBeGreaterThan(before + 200), PATIENCE);
    const { produced, completed, perhapsCompleted } = await load.drain(isEmpty);
    // What was acknowledged was completed, as far as anybody can know.
    const lost = [...produced].filter((text) => !completed.has(text) && !perhapsCompleted.has(text));
    expect(lost).toEqual([]);
    const twice = [...completed].filter(([, times]) => times > 1);
    expect(twice).toEqual([]);
  });
});
