import {
  instantFromMicroseconds,
  milliseconds,
  type NewItem,
  type PartitionStore,
  type StorageBackend,
} from '@querator/core';
import { openBackend } from '../src/backend.ts';

const HOUR = milliseconds(3_600_000);
const MOVE = { maxAttempts: 0, dead: 'move' } as const;
const KEY = { queue: 'orders', partition: 0 };

/** A queue and its dead-letter queue. */
export interface LiveQueue {
  readonly backend: StorageBackend;
  readonly store: PartitionStore;
  close(): Promise<void>;
}

/** Opens the queue in a database, as a server does. */
export function openQueue(connectionString: string): LiveQueue {
  const backend = openBackend(connectionString);
  return { backend, store: backend.partitionStore(KEY), close: () => backend.close() };
}

/** An item with this reference. */
export function item(reference: string): NewItem {
  return { encoding: '', kind: '', reference, payload: new TextEncoder().encode(reference) };
}

/** Stores the queue's settings, and an item in each state. */
export async function fillQueue({ backend, store }: LiveQueue): Promise<void> {
  await backend.queueStore().create({
    ...{ name: 'orders', namespace: '', leaseTimeout: milliseconds(60_000), expireTimeout: HOUR },
    ...{ deadQueue: 'orders-dead', maxAttempts: 3, reference: 'kept', requestedPartitions: 1 },
    partitions: [{ partition: 0, storageName: 'postgres-01' }],
  });
  const names = ['dead', 'leased', 'scheduled', 'waiting 1', 'waiting 2'];
  await store.produce([{ items: names.map(item) }], HOUR);
  const [dead, , scheduled] = await store.lease({ limit: 3, leaseTimeout: HOUR });
  const tomorrow = instantFromMicroseconds(BigInt(Date.now() + 86_400_000) * 1_000n);
  await store.retry([{ items: [{ id: dead?.id ?? '', dead: true }] }], MOVE);
  await store.retry([{ items: [{ id: scheduled?.id ?? '', dead: false, retryAt: tomorrow }] }], MOVE);
}

/** Everything that a restore must bring back. */
export async function contentsOf({ backend, store }: LiveQueue): Promise<unknown> {
  return {
    queue: await backend.queueStore().get('orders'),
    queued: await store.list({ state: 'queued', pivot: '', limit: 1_000 }),
    scheduled: await store.list({ state: 'scheduled', pivot: '', limit: 1_000 }),
  };
}

/** Leases and completes all waiting items, and claims the dead ones. @returns their references, in order. */
export async function drain({ store }: LiveQueue): Promise<{ waiting: string[]; dead: string[] }> {
  const swept = await store.sweep({ ...MOVE, limit: 100, claimTimeout: HOUR });
  const leased = await store.lease({ limit: 100, leaseTimeout: HOUR });
  const [done] = await store.complete([{ ids: leased.map(({ id }) => id) }]);
  if (done?.ok !== true) throw new Error('what was leased could not be completed');
  return {
    waiting: leased.map(({ reference }) => reference),
    dead: swept.dead.map(({ reference }) => reference),
  };
}

/** Produces an item. @returns its id. */
export async function produceOne({ store }: LiveQueue, reference: string): Promise<string> {
  await store.produce([{ items: [item(reference)] }], HOUR);
  const listed = await store.list({ state: 'queued', pivot: '', limit: 10_000 });
  const found = listed.find((stored) => stored.reference === reference);
  if (found === undefined) throw new Error(`${reference} was not stored`);
  return found.id;
}
