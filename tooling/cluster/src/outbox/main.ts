/**
 * Measures how long a row of an outbox takes from the commit of its transaction until a consumer
 * has its item, through a server over HTTP: at first, and behind dead rows that a transaction
 * elsewhere keeps from vacuum. Rows come one at a time, with a pause that lets the relay poll
 * at its longest interval.
 *
 *   node --conditions=@querator/source tooling/cluster/src/outbox/main.ts [--rows N] [--dead N,N]
 */
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createClient, ensureQueue } from '@querator/client';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { installSql } from '@querator/outbox';
import { parseConfig, startServer } from '@querator/server';
import { createTestDatabase, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { quantile } from '../held/quantile.ts';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '100' },
    dead: { type: 'string', default: '0,50000,200000' },
  },
});
const QUEUE = 'orders';
/** Longer than the longest interval of polls. */
const PAUSE_MS = 150;

const say = (line: string) => process.stdout.write(`${line}\n`);
const cells = (columns: readonly string[]) => say(columns.map((column) => column.padStart(12)).join(''));

const cluster = await startTemporaryCluster({ settings: { shared_buffers: '256MB', max_wal_size: '2GB' } });
const { connectionString } = await createTestDatabase(cluster.connectionString());
const [client, holder] = [new pg.Client(connectionString), new pg.Client(connectionString)];
await Promise.all([client.connect(), holder.connect()]);
await client.query(installSql());
const quoted = JSON.stringify(connectionString);
const server = await startServer(
  parseConfig(`
address: 127.0.0.1:0
partition-storage:
  - { name: main, driver: postgres, config: { connection-string: ${quoted} } }
outbox:
  - connection-string: ${quoted}
`),
  { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger },
);
const api = createClient({ endpoint: server.url });
await ensureQueue(api, { queue: QUEUE });

/** Leases and completes items. @returns how many. */
async function consume(batchSize: number): Promise<number> {
  const call = { queueName: QUEUE, clientId: 'consumer', requestTimeout: '30s' };
  const { items, partition } = await api.queue.lease({ ...call, batchSize });
  const ids = items.map(({ id }) => id);
  await api.queue.complete({ queueName: QUEUE, partition, ids, requestTimeout: '30s' });
  return items.length;
}

/** Milliseconds from the commit to the consumer, for one row. */
async function delayOf(): Promise<number> {
  const consumed = consume(1);
  await setTimeout(PAUSE_MS * (1 + Math.random()));
  await client.query('SELECT querator_outbox.enqueue($1, $2)', [QUEUE, 'x'.repeat(100)]);
  const committedAt = performance.now();
  await consumed;
  return performance.now() - committedAt;
}

try {
  await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await holder.query('SELECT count(*) FROM querator_outbox.settings');
  cells(['dead rows', 'p50 (ms)', 'p99', 'max']);
  let dead = 0;
  for (const wanted of (options.dead as string).split(',').map(Number)) {
    const more = wanted - dead;
    if (more > 0) {
      const write = `SELECT count(querator_outbox.enqueue($1, 'x')) FROM generate_series(1, $2)`;
      await client.query(write, [QUEUE, more]);
      for (let left = more; left > 0; ) left -= await consume(1_000);
      dead = wanted;
      // The marks follow within a few polls.
      await setTimeout(2_000);
    }
    const delays: number[] = [];
    for (let n = 0; n < Number(options.rows); n++) delays.push(await delayOf());
    cells([
      String(dead),
      ...[quantile(delays, 0.5), quantile(delays, 0.99), Math.max(...delays)].map((ms) => ms.toFixed(1)),
    ]);
  }
} finally {
  await server.stop();
  await Promise.all([client.end(), holder.end()]);
  await cluster.stop();
}
