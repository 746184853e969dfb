import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Terminal } from '../cli/support/terminal.ts';
import { producersOf } from './support/producers.ts';
import { WatchedServer } from './support/watched-server.ts';

let east: Cluster;
let west: Cluster;
let server: WatchedServer;

beforeAll(async () => {
  [east, west] = await Promise.all([
    startTemporaryCluster({ volatile: true }),
    startTemporaryCluster({ volatile: true }),
  ]);
}, 60_000);
afterEach(() => server?.stop());
afterAll(() => Promise.all([east?.stop(), west?.stop()]));

/** As in the storage document: both have the same affinity. The settings of queues are in the east. */
function start(names: readonly string[] = ['postgres-us-east', 'postgres-us-west']): Promise<WatchedServer> {
  const places = [east, west];
  const storages = names.map((name, i) => {
    const connectionString = (places[i] as Cluster).connectionString();
    return { name, affinity: 5, connectionString, maxConns: 5 };
  });
  return WatchedServer.start(east.connectionString(), storages);
}

async function failures(queue_name: string): Promise<readonly number[]> {
  const { json } = await server.post('queue.stats', { queue_name });
  const partitions = json.logicalQueues?.[0]?.partitions as { failures?: number }[] | undefined;
  return (partitions ?? []).map(({ failures: count = 0 }) => count);
}

/** How many partitions of a queue have their table in a database. */
async function tablesOf(queue: string, cluster: Cluster): Promise<number> {
  const client = new pg.Client({ connectionString: cluster.connectionString() });
  await client.connect();
  const { rows } = await client.query(
    `SELECT count(*)::int AS n FROM pg_tables WHERE tablename LIKE 'items\\_' || left(md5($1), 12) || '\\_%'`,
    [queue],
  );
  await client.end();
  return rows[0].n;
}

/** What `querator describe` prints of a queue: partition, storage and health, and which partitions are out of service. */
async function described(queue: string) {
  const terminal = new Terminal((url, init) => fetch(url, init));
  const { stdout, stderr } = await terminal.ok(`--endpoint ${server.url} describe ${queue}`);
  const rows = stdout.trim().split('\n').slice(1);
  const cells = rows
    .map((row) => row.split(/ +/))
    .map(([number, storage, , health]) => [number, storage, health]);
  return { rows: cells, message: stderr.split('\n').find((line) => line.startsWith('Out of service')) };
}

test('partitions are distributed evenly over both servers', async () => {
  server = await start();
  await server.createQueue('even', 10);
  expect(await failures('even')).toEqual(Array.from({ length: 10 }, () => 0));
  expect(await tablesOf('even', east)).toBe(5);
  expect(await tablesOf('even', west)).toBe(5);
});

test.each([
  ['is down', () => west.crash(), () => west.start()],
  ['does not answer', async () => west.pause(), async () => west.resume()],
])(
  'one server %s: the other serves the queue, and the first returns to service by itself',
  async (name, fail, mend) => {
    server = await start();
    const queue = name.replaceAll(' ', '-');
    await server.createQueue(queue, 4);
    const load = producersOf(server, [queue]);
    load.start(6, { consumers: 0 });
    await load.more(100);

    await fail();
    await expect
      .poll(() => server.logged('partition is failing').length, { timeout: 15_000 })
      .toBeGreaterThan(1);
    const failing = server.logged('partition is failing');
    expect(failing.every(({ storage }) => storage === 'postgres-us-west')).toBe(true);
    // The storage is left out: no request waits for it, and all items go to the east.
    await load.more(6);
    const from = load.answers.length;
    await load.more(200);
    expect(load.answers.slice(from).filter((status) => status !== 200)).toEqual([]);
    const lease = { queue_name: queue, client_id: 'c', batch_size: 1, request_timeout: '1s' };
    const leased = await server.post('queue.lease', lease);
    expect(leased.status).toBe(200);
    const ids = [leased.json.items[0].id];
    const partition = leased.json.partition ?? 0;
    await server.post('queue.retry', { queue_name: queue, partition, items: [{ id: ids[0] }] });
    // One without a request meanwhile did not fail.
    const { rows, message } = await described(queue);
    expect(rows).toEqual([
      [...['0', 'postgres-us-east'], 'in_service'],
      [...['1', 'postgres-us-east'], 'in_service'],
      [...['2', 'postgres-us-west'], expect.any(String)],
      [...['3', 'postgres-us-west'], expect.any(String)],
    ]);
    expect(rows.filter(([, , health]) => health === 'failing')).not.toEqual([]);
    expect(message).toMatch(/^Out of service on the storage 'postgres-us-west': partition\(s\) [23](, 3)?$/);

    await mend();
    // Usually both partitions of the west. One without a request meanwhile did not fail.
    const told = (message: string) => new Set(server.logged(message).map(({ partition }) => partition));
    await expect
      .poll(() => told('partition is back in service'), { timeout: 15_000 })
      .toEqual(told('partition is failing'));
    expect(await failures(queue)).toEqual([0, 0, 0, 0]);
    await load.more(100);
    await load.stop();
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  },
  90_000,
);

test.each([
  ['removed', ['postgres-us-east']],
  ['renamed', ['postgres-us-east', 'postgres-eu-west']],
])(
  'a storage that was %s is named in the log, and only its partitions are out of service',
  async (name, left) => {
    server = await start();
    await server.createQueue(name, 4);
    const load = producersOf(server, [name]);
    load.start(4, { consumers: 0 });
    await load.more(100);
    await load.stop();
    await server.stop();

    server = await start(left);
    const from = load.answers.length;
    load.moveTo([server]);
    load.start(4, { consumers: 0 });
    await load.more(100);
    await load.stop();
    expect(load.answers.slice(from).filter((status) => status !== 200)).toEqual([]);
    const reports = server.logged('partition is on a storage that is not configured');
    expect(reports.map(({ storage }) => storage)).toEqual(['postgres-us-west', 'postgres-us-west']);
    const lease = { queue_name: name, client_id: 'c', batch_size: 1, request_timeout: '1s' };
    const { status, json } = await server.post('queue.lease', lease);
    expect(status).toBe(200);
    expect((await described(name)).message).toBe(
      "Out of service on the storage 'postgres-us-west': partition(s) 2, 3",
    );
    const items = [{ id: json.items[0].id }];
    await server.post('queue.retry', { queue_name: name, partition: json.partition ?? 0, items });
    await server.stop();

    // Back in the configuration, every acknowledged item is there.
    server = await start();
    load.moveTo([server]);
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  },
  60_000,
);
