import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { producersOf } from './support/producers.ts';
import { WatchedServer } from './support/watched-server.ts';

const BUSY = 'failed to acquire connection: all connections in pool are busy';
const QUEUES = ['a', 'b', 'c'];
const MAX_CONNS = 3;

let cluster: Cluster;
let admin: pg.Client;
let server: WatchedServer;

beforeAll(async () => {
  cluster = await startTemporaryCluster({ volatile: true });
}, 60_000);
afterAll(() => cluster?.stop());

beforeEach(async () => {
  admin = await connectAdmin();
  await admin.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  // Three backends, and one connection string: one pool.
  const storages = ['one', 'two'].map((name) => ({ name, connectionString: url(), maxConns: MAX_CONNS }));
  server = await WatchedServer.start(url(), storages);
  for (const queue of QUEUES) await server.createQueue(queue, 2);
});
afterEach(async () => {
  await server?.stop();
  await admin?.end();
});

const url = () => `${cluster.connectionString()}?application_name=pool-test`;

async function connectAdmin(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: cluster.connectionString() });
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function openConnections(): Promise<number> {
  const { rows } = await admin.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'pool-test'`,
  );
  return rows[0].n;
}

async function killAll(): Promise<number> {
  const { rows } = await admin.query(
    `SELECT count(pg_terminate_backend(pid))::int AS n FROM pg_stat_activity WHERE application_name = 'pool-test'`,
  );
  return rows[0].n;
}

test('the database never has more connections than the limit, and killed ones are replaced', async () => {
  const load = producersOf(server, QUEUES);
  load.start(8, { consumers: 0 });
  const counts = new Set<number>();
  let killed = 0;
  for (let round = 0; round < 4; round++) {
    const goal = load.ledger.acknowledged + 100;
    while (load.ledger.acknowledged < goal) counts.add(await openConnections());
    killed += await killAll();
  }
  await load.more(100);
  counts.add(await openConnections());
  await load.stop();
  expect(Math.max(...counts)).toBe(MAX_CONNS);
  expect(killed).toBeGreaterThan(0);
  await load.settle();
  expect(load.ledger.faults()).toEqual([]);
}, 60_000);

test('requests that get no connection in time fail with a retry code, and the log has the reason', async () => {
  await Promise.all(QUEUES.map((queue) => server.produce(queue, 'before')));
  await admin.query('BEGIN');
  const { rows } = await admin.query(
    `SELECT relname FROM pg_class WHERE relname LIKE 'items%' AND relkind = 'r'`,
  );
  for (const { relname } of rows) await admin.query(`LOCK TABLE ${relname}`);
  // Sweeps and probes hold connections too, for as long as they wait for a lock.
  const replies = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      server.post('storage/items.list', { queue_name: QUEUES[i % 3], partition: i % 2 }),
    ),
  );
  await expect.poll(() => server.logged(BUSY).length, { timeout: 10_000 }).toBeGreaterThan(0);
  const late = await server.produce('a', 'late', '1s');
  expect(late.status).toBe(454);
  expect(replies.every(({ status }) => status >= 454)).toBe(true);
  expect(server.logged(BUSY)[0]).toMatchObject({ level: 'error', maxConns: MAX_CONNS });
  expect(JSON.stringify(server.log)).not.toContain(new URL(url()).password);
  await admin.query('ROLLBACK');
  await expect.poll(async () => (await server.produce('a', 'after')).status, { timeout: 10_000 }).toBe(200);
}, 60_000);

test('a database that stops and resumes, or restarts, loses no item, duplicates none, and blocks no call', async () => {
  const load = producersOf(server, QUEUES, '2s');
  load.start(3, { consumers: 0 });
  await load.more(50);

  cluster.pause();
  const before = load.answers.length;
  // Every request in flight has an answer, and so has the next request of each producer.
  await expect.poll(() => load.answers.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(before + 18);
  const stuck = load.answers.slice(before + QUEUES.length * 3);
  expect(stuck.filter((status) => status !== 454)).toEqual([]);
  cluster.resume();
  await load.more(50);

  await cluster.halt();
  await cluster.start();
  await load.more(50);
  await load.stop();
  await load.settle();
  expect(load.ledger.faults()).toEqual([]);
}, 90_000);
