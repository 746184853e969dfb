import process from 'node:process';
import { describeStorage } from '@querator/storage-conformance';
import { PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import { type Cluster, createTestDatabase, startTemporaryCluster } from '@querator/tooling-postgres';
import { afterAll, beforeAll } from 'vitest';
import { PgBouncer } from '../../src/poolers/pgbouncer.ts';
import { startPgpool } from '../../src/poolers/pgpool.ts';
import type { PoolerProcess } from '../../src/poolers/pooler-process.ts';

const isShort = process.env['QUERATOR_CLUSTER_SHORT'] === '1';
/** Fewer sessions than connections of the driver, so that these share them. */
const poolSize = 3;
/** One session for each connection of the driver. */
const ONE_EACH = 20;

let cluster: Cluster;
const started: (() => Promise<void>)[] = [];
const poolers = new Map<string, PoolerProcess>();

async function pgbouncer(name: string, options: Parameters<typeof PgBouncer.start>[1]): Promise<void> {
  const pooler = await PgBouncer.start(cluster, options);
  started.push(() => pooler.stop());
  poolers.set(name, pooler.process);
}

beforeAll(async () => {
  cluster = await startTemporaryCluster();
  started.push(() => cluster.stop());
  await pgbouncer('transaction', { mode: 'transaction', poolSize });
  if (isShort) return;
  await pgbouncer('session', { mode: 'session', poolSize: ONE_EACH });
  const pgpool = await startPgpool(cluster);
  started.push(() => pgpool.stop());
  poolers.set('pgpool', pgpool);
});
afterAll(async () => {
  for (const stop of started.reverse()) await stop();
});

/** Runs the contract through a pooler, with these options in the connection string. */
function contractThrough(name: string, pooler: string, query: string): void {
  describeStorage(name, async () => {
    const database = await createTestDatabase(cluster.connectionString());
    const connectionString = poolers.get(pooler)?.connectionString(database.name, query) ?? '';
    const registry = new PoolRegistry();
    return {
      open: (options) => postgresBackend({ name: 'postgres', connectionString, registry, ...options }),
      dispose: () => database.drop(),
      modelRuns: isShort ? 3 : 25,
    };
  });
}

contractThrough('PgBouncer, transaction mode', 'transaction', 'pooler=transaction');
if (!isShort) {
  contractThrough('PgBouncer, transaction mode, found out', 'transaction', '');
  contractThrough('PgBouncer, session mode', 'session', 'pooler=session');
  contractThrough('pgpool-II', 'pgpool', '');
}
