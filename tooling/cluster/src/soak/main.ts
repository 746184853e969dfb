/**
 * Sends a steady stream of items through one partition for minutes. Prints the
 * sizes of table and indexes, WAL and dead rows, and fails if they still grow
 * after the warm-up.
 *
 *   node --conditions=@querator/source tooling/cluster/src/soak/main.ts [--short] [--minutes N] [--warm-up S]
 *        [--rate N] [--backlog N] [--naptime S] [--plain]
 */
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { itemsTableName } from '@querator/storage-postgres';
import { startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { openBackend } from '../backend.ts';
import { soakOptions } from './options.ts';
import { formatSample, SAMPLE_HEAD, type Sample, Sampler } from './samples.ts';
import { noTraffic, runTraffic } from './traffic.ts';
import { growthIn } from './verdict.ts';

const KEY = { queue: 'soak', partition: 0 };
const SAMPLES = 40;
const PARAMETERS = ['scale_factor', 'threshold', 'cost_limit'].map((name) => `autovacuum_vacuum_${name}`);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const options = soakOptions(process.argv.slice(2));
const cluster = await startTemporaryCluster({
  settings: {
    autovacuum_naptime: `${options.naptimeSeconds}s`,
    shared_buffers: '256MB',
    max_wal_size: '1GB',
  },
});
const connectionString = cluster.connectionString();
const client = new pg.Client(connectionString);
await client.connect();
const backend = openBackend(connectionString);
const store = backend.partitionStore(KEY);
await store.stats();
const table = itemsTableName(KEY);
if (options.plain) await client.query(`ALTER TABLE ${table} RESET (${PARAMETERS.join(', ')})`);

const traffic = noTraffic();
const stop = new AbortController();
const running = runTraffic(store, options, traffic, stop.signal);
const broken = running.then(() => undefined);
const sampler = new Sampler(client, table, traffic);
const samples: Sample[] = [];
say(`${options.rate} items/s over ${options.backlog} waiting ones, for ${options.seconds} s`);
say(SAMPLE_HEAD);
for (let turn = 0; turn < SAMPLES; turn++) {
  await Promise.race([delay((options.seconds * 1_000) / SAMPLES), broken]);
  samples.push(await sampler.take());
  say(formatSample(samples.at(-1) as Sample));
}
stop.abort();
await running;
const { rows } = await client.query(
  'SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = $1',
  [table],
);
// Idle pool connections do not keep the process alive while they close. The client's connection does.
await backend.close();
await client.end();
await cluster.stop();

const { leaseMs: _, ...done } = traffic;
say(
  Object.entries({ ...done, updates: rows[0].n_tup_upd, hot: rows[0].n_tup_hot_upd })
    .map(([name, count]) => `${name} ${count}`)
    .join(', '),
);
const faults = growthIn(samples, options.warmUpSeconds);
for (const fault of faults) say(`NOT FLAT: ${fault}`);
if (faults.length === 0) say(`flat after ${options.warmUpSeconds} s`);
process.exitCode = faults.length > 0 ? 1 : 0;
