import type { Client } from '@querator/client';

const queueName = 'jobs';
const requestTimeout = '10s';

/** Creates the queue of the functions below. */
export async function createJobs(client: Client): Promise<void> {
  const timeouts = { leaseTimeout: '10m', expireTimeout: '24h' };
  await client.queues.create({ queueName, ...timeouts, requestedPartitions: 1 });
}

export async function produceJobs(client: Client, ...references: readonly string[]): Promise<void> {
  const items = references.map((reference) => ({ reference, utf8: reference }));
  await client.queue.produce({ queueName, requestTimeout, items });
}

/** Leases up to `batchSize` items and completes them. @returns their references, in order. */
export async function workOff(client: Client, batchSize: number): Promise<string[]> {
  const lease = { queueName, requestTimeout, clientId: 'worker', batchSize };
  const { items, partition } = await client.queue.lease(lease);
  const ids = items.map(({ id }) => id);
  await client.queue.complete({ queueName, requestTimeout, partition, ids });
  return items.map(({ reference }) => reference);
}

/** The number of items, leased ones included. */
export async function countJobs(client: Client): Promise<number> {
  const { logicalQueues } = await client.queue.stats({ queueName });
  return logicalQueues.flatMap(({ partitions }) => partitions).reduce((sum, { total }) => sum + total, 0);
}
