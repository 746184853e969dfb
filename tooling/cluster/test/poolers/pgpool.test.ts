import { milliseconds } from '@querator/core';
import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { openBackend } from '../../src/backend.ts';
import { startPgpool } from '../../src/poolers/pgpool.ts';
import { item } from '../live-queue.ts';

const WITHIN = { timeout: 20_000, interval: 20 };
let cluster: Cluster;
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  cluster = await startTemporaryCluster();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => cluster?.stop());

async function storeThroughPgpool(mode: 'raw' | 'streaming_replication', query: string) {
  const pgpool = await startPgpool(cluster, mode);
  cleanups.push(() => pgpool.stop());
  const connectionString = pgpool.connectionString('postgres', query);
  const backend = openBackend(connectionString);
  cleanups.push(() => backend.close());
  return backend.partitionStore({ queue: `jobs-${mode}`, partition: 0 });
}

test('raw mode is refused, with the setting that Querator needs', async () => {
  const store = await storeThroughPgpool('raw', '');
  await expect(store.produce([{ items: [item('a')] }], milliseconds(60_000))).rejects.toMatchObject({
    message: expect.stringContaining("pgpool-II needs backend_clustering_mode = 'streaming_replication'"),
    outcome: 'not-applied',
  });
});

test.each(['session', 'transaction'])('pooler=%s works', async (pooler) => {
  const store = await storeThroughPgpool('streaming_replication', `pooler=${pooler}`);
  const before = await store.stats();
  await store.produce([{ items: [item('a'), item('b')] }], milliseconds(60_000));
  expect(await store.stats()).toMatchObject({ waiting: before.waiting + 2 });
});

test('servers get notifications of each other through it', async () => {
  const pgpool = await startPgpool(cluster);
  cleanups.push(() => pgpool.stop());
  const connectionString = pgpool.connectionString('postgres');
  const open = () => {
    const backend = openBackend(connectionString);
    cleanups.push(() => backend.close());
    return backend;
  };
  const [one, other] = [open(), open()] as const;
  let heard = 0;
  one.signals?.subscribe('x', () => heard++);
  other.signals?.subscribe('y', () => {});
  await vi.waitFor(
    () => expect([one, other].map(({ signals }) => signals?.listening)).toEqual([true, true]),
    WITHIN,
  );
  const before = heard;
  await vi.waitFor(() => {
    other.signals?.publish('x');
    expect(heard).toBeGreaterThan(before);
  }, WITHIN);
});
