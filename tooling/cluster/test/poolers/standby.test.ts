import { milliseconds, type PartitionStore } from '@querator/core';
import type { PostgresBackendOptions } from '@querator/storage-postgres';
import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openBackend } from '../../src/backend.ts';
import { PgBouncer } from '../../src/poolers/pgbouncer.ts';
import { startPgpool } from '../../src/poolers/pgpool.ts';
import type { PoolerProcess } from '../../src/poolers/pooler-process.ts';
import { item } from '../live-queue.ts';

const WITHIN = { timeout: 20_000, interval: 20 };
const MINUTE = milliseconds(60_000);

const WAYS = [
  ['PgBouncer, transaction mode', 'transaction', 'pooler=transaction'],
  ['PgBouncer, session mode', 'session', 'pooler=session'],
  ['pgpool-II', 'pgpool', ''],
] as const;

let cluster: Cluster;
let admin: pg.Client;
const poolers = new Map<string, PoolerProcess>();
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  cluster = await startTemporaryCluster();
  cleanups.push(() => cluster.stop());
  for (const mode of ['transaction', 'session'] as const) {
    const { process } = await PgBouncer.start(cluster, { mode, poolSize: 10 });
    poolers.set(mode, process);
  }
  poolers.set('pgpool', await startPgpool(cluster));
  for (const pooler of poolers.values()) cleanups.push(() => pooler.stop());
  admin = new pg.Client(cluster.connectionString());
  await admin.connect();
  cleanups.push(() => admin.end());
});
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

/** The sessions whose commit waits for a standby. */
async function waiting(application: string): Promise<readonly number[]> {
  const { rows } = await admin.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = $1`,
    [application],
  );
  return rows.map(({ pid }) => pid);
}

async function setStandby(name: string): Promise<void> {
  await admin.query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
  await admin.query('SELECT pg_reload_conf()');
}

/** Runs `work` while commits wait for a standby that does not exist. */
async function withoutStandby(work: () => Promise<void>): Promise<void> {
  const prober = new pg.Client({ connectionString: cluster.connectionString(), application_name: 'prober' });
  await prober.connect();
  await prober.query('CREATE TABLE IF NOT EXISTS probe (n int)');
  await setStandby('nobody');
  let committing = Promise.resolve<unknown>(undefined);
  let isUnderWay = false;
  // The setting is in force when the checkpointer has read it, which only a commit shows.
  await vi.waitFor(async () => {
    if (!isUnderWay) {
      isUnderWay = true;
      committing = prober.query('INSERT INTO probe VALUES (1)').finally(() => {
        isUnderWay = false;
      });
    }
    expect(await waiting('prober')).toHaveLength(1);
  }, WITHIN);
  try {
    await work();
  } finally {
    await setStandby('');
    await committing;
    await prober.end();
  }
}

describe.each(WAYS)('a commit without its synchronous standby, through %s', (_, pooler, query) => {
  async function withStore(
    timeouts: NonNullable<PostgresBackendOptions['timeouts']>,
    work: (store: PartitionStore) => Promise<void>,
  ): Promise<void> {
    const connectionString = poolers.get(pooler)?.connectionString('postgres', query) ?? '';
    const backend = openBackend(connectionString, { timeouts });
    try {
      const store = backend.partitionStore({ queue: `standby-${pooler}`, partition: 0 });
      await store.produce([{ items: [item('before')] }], MINUTE);
      await withoutStandby(() => work(store));
    } finally {
      await backend.close();
    }
  }

  test('has an unknown outcome if the wait is canceled', async () => {
    await withStore({ statementMs: 30_000 }, async (store) => {
      const outcome = store.produce([{ items: [item('a')] }], MINUTE).catch((error: unknown) => error);
      await vi.waitFor(async () => {
        const [pid] = await waiting('querator');
        expect(pid).toBeDefined();
        await admin.query('SELECT pg_cancel_backend($1)', [pid]);
      }, WITHIN);
      expect(await outcome).toMatchObject({
        message: expect.stringContaining('the wait for the synchronous standby was canceled'),
        outcome: 'unknown',
      });
    });
  });

  test('leaves no session at the server after its time limit', async () => {
    await withStore({ statementMs: 1_500, answerGraceMs: 500 }, async (store) => {
      const outcome = store.produce([{ items: [item('b')] }], MINUTE).catch((error: unknown) => error);
      await vi.waitFor(async () => expect(await waiting('querator')).toHaveLength(1), WITHIN);
      expect(await outcome).toMatchObject({ outcome: 'unknown' });
      await vi.waitFor(async () => expect(await waiting('querator')).toEqual([]), WITHIN);
    });
  });
});
