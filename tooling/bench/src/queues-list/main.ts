/**
 * Measures what the console reads, on a server with many queues on PostgreSQL:
 *
 *   node --conditions=@querator/source tooling/bench/src/queues-list/main.ts [queues] [items]
 *
 * Each queue has a table with a few items, and one more queue has `items` items.
 */
import process from 'node:process';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { parseConfig, startServer } from '@querator/server';
import { startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { QueueTables } from '../testbed/queue-tables.ts';
import { Calls } from './calls.ts';
import { copyQueue } from './many-queues.ts';

const QUEUES = Number(process.argv[2] ?? 10_000);
const ITEMS = Number(process.argv[3] ?? 10_000_000);
const LARGE = 'large';
const PAYLOAD_BYTES = 100;
/** How often the console asks for its list. */
const REFRESH_MS = 5_000;
const LONGEST_MS = 600_000;

const say = (line: string) => process.stdout.write(`${line}\n`);

const cluster = await startTemporaryCluster({ volatile: true });
const connectionString = cluster.connectionString();
const driver = { driver: 'postgres', config: { 'connection-string': connectionString, 'max-conns': 10 } };
const start = () =>
  startServer(
    parseConfig(
      JSON.stringify({
        address: '127.0.0.1:0',
        'queue-storage': driver,
        'partition-storage': [{ name: 'pg', ...driver }],
      }),
    ),
    { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger },
  );

/** Creates the queues, each with a few items, and fills the large one. */
async function fill(calls: Calls): Promise<void> {
  const settings = { lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1 };
  const items = Array.from({ length: 20 }, () => ({ utf8: 'x'.repeat(PAYLOAD_BYTES) }));
  const names = Array.from({ length: QUEUES }, (_, n) => `queue-${String(n).padStart(6, '0')}`);
  const [first = 'queue', ...others] = names;
  for (const queue_name of [LARGE, first]) {
    await calls.post('/v1/queues.create', { queue_name, ...settings });
    await calls.post('/v1/queue.produce', { queue_name, request_timeout: '1m', items });
  }
  const admin = new pg.Client({ connectionString });
  await admin.connect();
  await copyQueue(admin, first, others);
  const [leased, waiting] = [500, ITEMS - 500];
  await new QueueTables(admin).fill(LARGE, 1, { waiting, leased, payloadBytes: PAYLOAD_BYTES });
  await admin.end();
}

/** How long it takes until every queue has a count, while somebody looks at the list. */
async function countAll(calls: Calls): Promise<void> {
  const began = performance.now();
  let [uncounted, isShown] = [1, false];
  while (uncounted > 0 && performance.now() - began < LONGEST_MS) {
    const { rows } = await calls.rows({ sort: 'waiting', descending: true });
    if (!isShown && rows.every(({ count_age }) => count_age !== undefined)) {
      isShown = true;
      say(`the queues of the page had counts after ${seconds(began)} s`);
    }
    uncounted = await calls.uncounted();
    await new Promise((resolve) => setTimeout(resolve, uncounted > 0 ? REFRESH_MS : 0));
  }
  say(`all queues had counts after ${seconds(began)} s, ${uncounted} were left`);
  const { rows } = await calls.rows({ filter: LARGE });
  say(`the large one: ${JSON.stringify(rows[0])}`);
}

const seconds = (began: number) => ((performance.now() - began) / 1_000).toFixed(0);

const filling = await start();
await fill(new Calls(filling.url, say));
await filling.stop();

const server = await start();
const calls = new Calls(server.url, say);
const first = await calls.post('/v2/queues.list', { sort: 'waiting', descending: true, with_rates: true });
say(`first call: ${first.ms.toFixed(1)} ms, ${first.text.length} bytes`);
await countAll(calls);
await calls.measureList('by name', {});
await calls.measureList('by waiting', { sort: 'waiting', descending: true });
await calls.measureList('with a filter', { filter: '99' });
await calls.measureList('with rates', { with_rates: true });
await calls.measureFind('all items', { queue_name: LARGE });
await calls.measureFind('waiting', { queue_name: LARGE, filter: { state: 'waiting' } });
await calls.measureFind('leased', { queue_name: LARGE, filter: { state: 'leased' } });
await calls.measureFind('scheduled, of which there are none', {
  ...{ queue_name: LARGE, filter: { state: 'scheduled' } },
});
await calls.measureFind('a kind that none has', { queue_name: LARGE, filter: { kind: 'none' } });
await calls.measureFind('an id', { queue_name: LARGE, filter: { ids: [await calls.lastId(LARGE)] } });
await server.stop();
await cluster.stop();
