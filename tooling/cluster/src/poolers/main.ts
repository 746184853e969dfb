/**
 * Measures the cost of a pooler: rates of the driver on one partition, through
 * PgBouncer in both of its modes and without it, on the same server in turns.
 *
 *   node --conditions=@querator/source tooling/cluster/src/poolers/main.ts [--seconds N] [--rounds N]
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import type { PartitionStore } from '@querator/core';
import { startTemporaryCluster } from '@querator/tooling-postgres';
import { openBackend } from '../backend.ts';
import { BatchClient } from '../batch-client.ts';
import { quantile } from '../held/quantile.ts';
import { PgBouncer } from './pgbouncer.ts';

const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '2' }, rounds: { type: 'string', default: '3' } },
});
/** Items per statement, and statements at a time. */
const LOADS = [
  { batch: 1, lanes: 1 },
  { batch: 1, lanes: 8 },
  { batch: 100, lanes: 2 },
] as const;

const say = (line: string) => process.stdout.write(`${line}\n`);

const cluster = await startTemporaryCluster({ settings: { shared_buffers: '256MB', max_wal_size: '2GB' } });
const session = await PgBouncer.start(cluster, { mode: 'session', poolSize: 20 });
const transaction = await PgBouncer.start(cluster, { mode: 'transaction', poolSize: 10 });
const ways = [
  ['no pooler', cluster.connectionString('postgres')],
  ['no pooler, pooler=transaction', `${cluster.connectionString('postgres')}?pooler=transaction`],
  ['PgBouncer, pooler=session', session.process.connectionString('postgres', 'pooler=session')],
  ['PgBouncer, pooler=transaction', transaction.process.connectionString('postgres', 'pooler=transaction')],
] as const;

/** Items per second through produce, lease and complete, one after the other in each lane. */
async function measure(store: PartitionStore, { batch, lanes }: (typeof LOADS)[number]): Promise<number> {
  const client = new BatchClient(store, batch);
  const started = performance.now();
  const end = started + Number(options.seconds) * 1_000;
  let done = 0;
  const lane = async () => {
    while (performance.now() < end) done += (await client.cycle()).ids.length;
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return (done * 1_000) / (performance.now() - started);
}

for (const load of LOADS) {
  const rates = new Map<string, number[]>(ways.map(([name]) => [name, []]));
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [name, connectionString] of ways) {
      const backend = openBackend(connectionString, { maxConns: 8 });
      const store = backend.partitionStore({ queue: `cost-${load.batch}-${load.lanes}`, partition: 0 });
      await store.stats();
      rates.get(name)?.push(await measure(store, load));
      await backend.close();
    }
  }
  say(`${load.batch} items in a statement, ${load.lanes} at a time`);
  for (const [name, all] of rates) {
    const spread = `${Math.round(Math.min(...all))} to ${Math.round(Math.max(...all))}`;
    say(`  ${name.padEnd(32)} ${String(Math.round(quantile(all, 0.5))).padStart(7)} items/s (${spread})`);
  }
}
await session.stop();
await transaction.stop();
await cluster.stop();
