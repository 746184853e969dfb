import type { Client } from '@querator/client';

/** Creates a queue whose leases end late. */
export async function createQueue(client: Client, queueName: string, deadQueue = ''): Promise<void> {
  const settings = { leaseTimeout: '10m', expireTimeout: '24h', requestedPartitions: 1 };
  await client.queues.create({ ...settings, queueName, deadQueue });
}

/** An item to produce. */
interface NewItem {
  readonly utf8?: string;
  readonly bytes?: Uint8Array;
  readonly kind?: string;
  readonly reference?: string;
  readonly encoding?: string;
  readonly metadata?: Map<string, string>;
  readonly enqueueAt?: { seconds: number; nanos: number };
}

/** Produces items. @returns their ids. */
export async function produce(
  client: Client,
  queueName: string,
  items: readonly NewItem[],
): Promise<readonly string[]> {
  const reply = await client.v2.queue.produce({ queueName, requestTimeout: '10s', items: [...items] });
  return reply.items.map(({ id }) => id);
}

/** Leases items as a consumer. @returns their ids. */
export async function lease(
  client: Client,
  queueName: string,
  batchSize: number,
): Promise<readonly string[]> {
  const request = { queueName, clientId: 'consumer', batchSize, requestTimeout: '10s' };
  const { items } = await client.v2.queue.lease(request);
  return items.map(({ id }) => id);
}

/** Leases items and gives them up, so that they become dead letters. */
export async function killItems(
  client: Client,
  queueName: string,
  { count, error }: { readonly count: number; readonly error: string },
): Promise<void> {
  const ids = await lease(client, queueName, count);
  const items = ids.map((id) => ({ id, dead: true, error }));
  await client.v2.queue.retry({ queueName, partition: 0, items });
}

/** Imports items that differ in nothing, in one call. */
export async function importItems(
  client: Client,
  queueName: string,
  count: number,
  { kind = '' }: { readonly kind?: string } = {},
): Promise<void> {
  const payload = new TextEncoder().encode('hay');
  const items = Array.from({ length: count }, () => ({ state: 'waiting', payload, kind }));
  await client.v2.items.import({ queueName, items });
}
