/**
 * The classic failure of queues on PostgreSQL: a transaction held open
 * elsewhere in the database, so that no dead row can be removed. Runs one
 * partition without and then with such a transaction, and prints how long
 * leases take as dead rows pile up.
 *
 *   node --conditions=@querator/source tooling/cluster/src/held/main.ts [--items N] [--instances N] [--batch N]
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { milliseconds, type PartitionStore, SystemRandom } from '@querator/core';
import { itemsTableName, PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import { startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';

const { values: options } = parseArgs({
  options: {
    items: { type: 'string', default: '400000' },
    instances: { type: 'string', default: '1' },
    batch: { type: 'string', default: '100' },
  },
});
const ITEMS = Number(options.items);
const BATCH = Number(options.batch);
/** Items waiting at any time. */
const BACKLOG = 10_000;
const LINES = 8;
const MINUTE = milliseconds(60_000);
const CONTENT = { encoding: '', kind: '', reference: '', payload: Buffer.alloc(100, 'x') };
const FULL = { items: Array.from({ length: BATCH }, () => CONTENT) };

const say = (line: string) => process.stdout.write(`${line}\n`);

const cluster = await startTemporaryCluster({ settings: { shared_buffers: '256MB', max_wal_size: '2GB' } });

/** One round of all three for each instance in turn; the times of the leases, in milliseconds. */
async function round(stores: readonly PartitionStore[]): Promise<number[]> {
  return await Promise.all(
    stores.map(async (store) => {
      await store.produce([FULL], MINUTE);
      const start = performance.now();
      const items = await store.lease({ limit: BATCH, leaseTimeout: MINUTE });
      const took = performance.now() - start;
      if (items.length !== BATCH) throw new Error(`leased ${items.length} of ${BATCH}`);
      await store.complete([{ ids: items.map(({ id }) => id) }]);
      return took;
    }),
  );
}

const quantile = (sorted: readonly number[], q: number) => sorted[Math.floor((sorted.length - 1) * q)] ?? 0;

async function run(queue: string, held: boolean): Promise<void> {
  const key = { queue, partition: 0 };
  const backends = Array.from({ length: Number(options.instances) }, () =>
    postgresBackend({
      name: 'held',
      connectionString: cluster.connectionString(),
      registry: new PoolRegistry(),
      random: new SystemRandom(),
    }),
  );
  const stores = backends.map((backend) => backend.partitionStore(key));
  const [first] = stores;
  for (let n = 0; n < BACKLOG; n += BATCH) await first?.produce([FULL], MINUTE);
  const holder = new pg.Client(cluster.connectionString());
  await holder.connect();
  if (held) {
    // With a number of its own and a snapshot: the worst of both.
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await holder.query('SELECT txid_current(), count(*) FROM pg_class');
  }
  say(held ? 'with a transaction held open' : 'without');
  say('  items done   lease p50    p99 (ms)   items/s   dead rows');
  const share = ITEMS / LINES;
  for (let line = 1; line <= LINES; line++) {
    const times: number[] = [];
    const start = performance.now();
    for (let done = 0; done < share; done += BATCH * stores.length) times.push(...(await round(stores)));
    const seconds = (performance.now() - start) / 1_000;
    times.sort((a, b) => a - b);
    const { rows } = await holder.query(
      `SELECT n_dead_tup AS dead FROM pg_stat_user_tables WHERE relname = '${itemsTableName(key)}'`,
    );
    const columns = [
      String(line * share).padStart(12),
      quantile(times, 0.5).toFixed(2).padStart(12),
      quantile(times, 0.99).toFixed(2).padStart(12),
      Math.round(share / seconds)
        .toString()
        .padStart(10),
      String(rows[0]?.dead).padStart(12),
    ];
    say(columns.join(''));
  }
  if (held) await holder.query('COMMIT');
  await holder.end();
  await first?.drop();
  for (const backend of backends) await backend.close();
}

try {
  await run('free', false);
  await run('held', true);
} finally {
  await cluster.stop();
}
