import { milliseconds } from '@querator/core';
import { startTemporaryCluster } from '@querator/tooling-postgres';
import { expect, test } from 'vitest';
import { item, openQueue } from './live-queue.ts';

test('PostgreSQL 11 is refused at the first connection, and the error names it and the oldest supported version', async () => {
  const cluster = await startTemporaryCluster({ version: 11 });
  const { backend, store, close } = openQueue(cluster.connectionString());
  const refused = {
    name: 'StorageError',
    outcome: 'not-applied',
    message: "storage 'postgres-01': the server is PostgreSQL 11.22; PostgreSQL 12 or newer is needed",
  };
  await expect(store.stats()).rejects.toMatchObject(refused);
  await expect(store.produce([{ items: [item('a')] }], milliseconds(1_000))).rejects.toMatchObject(refused);
  await expect(backend.queueStore().get('orders')).rejects.toMatchObject(refused);
  await close();
  await cluster.stop();
});
