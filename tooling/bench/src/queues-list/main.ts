/**
 * Measures `v2/queues.list` on a server with many queues on PostgreSQL:
 *
 *   node --conditions=@querator/source tooling/bench/src/queues-list/main.ts [queues]
 */
import process from 'node:process';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { parseConfig, startServer } from '@querator/server';
import { startTemporaryCluster } from '@querator/tooling-postgres';

const QUEUES = Number(process.argv[2] ?? 10_000);
const CREATORS = 8;
const REPEATS = 50;

const cluster = await startTemporaryCluster({ volatile: true });
const config = { 'connection-string': cluster.connectionString(), 'max-conns': 10 };
const driver = { driver: 'postgres', config };
const server = await startServer(
  parseConfig(
    JSON.stringify({
      address: '127.0.0.1:0',
      'queue-storage': driver,
      'partition-storage': [{ name: 'pg', ...driver }],
    }),
  ),
  { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger },
);

async function post(call: string, body: object): Promise<{ readonly ms: number; readonly text: string }> {
  const began = performance.now();
  const headers = { 'Content-Type': 'application/json' };
  const reply = await fetch(server.url + call, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await reply.text();
  if (reply.status !== 200) throw new Error(text);
  return { ms: performance.now() - began, text };
}

/** The median and the greatest of many calls, in milliseconds. */
async function measure(name: string, body: object): Promise<void> {
  const times: number[] = [];
  for (let n = 0; n < REPEATS; n++) times.push((await post('/v2/queues.list', body)).ms);
  times.sort((a, b) => a - b);
  const [median = 0, most = 0] = [times[REPEATS / 2], times.at(-1)];
  process.stdout.write(`${name}: median ${median.toFixed(1)} ms, greatest ${most.toFixed(1)} ms\n`);
}

const settings = { lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };
const item = { request_timeout: '1m', items: [{ utf8: 'x' }] };
await Promise.all(
  Array.from({ length: CREATORS }, async (_, creator) => {
    for (let n = creator; n < QUEUES; n += CREATORS) {
      const queue_name = `queue-${String(n).padStart(6, '0')}`;
      await post('/v1/queues.create', { queue_name, ...settings });
      // One of ten has items, and so a table.
      if (n % 10 === 0) await post('/v1/queue.produce', { queue_name, ...item });
    }
  }),
);
const first = await post('/v2/queues.list', { sort: 'waiting', descending: true });
process.stdout.write(`first call: ${first.ms.toFixed(1)} ms, ${first.text.length} bytes\n`);
await measure('by name', {});
await measure('by waiting', { sort: 'waiting', descending: true });
await measure('with a filter', { filter: '99' });
await measure('with rates', { with_rates: true });
await server.stop();
await cluster.stop();
