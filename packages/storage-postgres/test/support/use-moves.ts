import type { MoveClaim, MoveStore, PartitionKey, QueueStore, StorageBackend } from '@querator/core';
import { expect } from 'vitest';
import { auditEvent } from './audit-content.ts';
import { HOUR, item } from './contents.ts';

const CLAIM: MoveClaim = { task: 'move', generation: 1 };
const STORE = { expireTimeout: HOUR, newKeys: 'store' } as const;

/** Makes every call of a move, with changes of each kind. Leaves no item. */
export async function useAllOfMoves(backend: StorageBackend): Promise<void> {
  const [from, to] = [
    { queue: 'move-from', partition: 0 },
    { queue: 'move-to', partition: 0 },
  ] as const;
  const [source, target] = [storeOf(backend, from), storeOf(backend, to)];
  const partition = backend.partitionStore(from);
  await partition.produce([{ items: [item('a'), item('b'), item('c')] }], HOUR);
  await source.begin(CLAIM, 'source');
  await target.begin(CLAIM, 'target');
  await target.empty(CLAIM);
  expect([await source.resume(CLAIM), await target.resume(CLAIM)]).toEqual(['copying', 'filling']);
  const { items } = await source.readItems(CLAIM, undefined, 10);
  expect(items).toHaveLength(3);
  expect((await source.readItems(CLAIM, items.at(-1)?.id, 10)).items).toEqual([]);
  await target.write(CLAIM, { items, gone: [], keys: [] });
  await partition.produceKeyed?.([{ groups: [{ key: 'k', items: [item('d')] }], window: HOUR }], STORE);
  const [leased] = await partition.lease({ limit: 1, leaseTimeout: HOUR });
  await partition.complete([{ ids: [leased?.id ?? ''] }]);
  const { keys } = await source.readKeys(CLAIM, undefined, 10);
  expect((await source.readKeys(CLAIM, 'k', 10)).keys).toEqual([]);
  await source.close(CLAIM);
  await source.reopen(CLAIM);
  const closed = await source.close(CLAIM);
  const { entries, ...changes } = await source.readChanges(CLAIM, 10);
  expect([keys.length, changes.items.length, changes.gone.length]).toEqual([1, 1, 1]);
  await target.write(CLAIM, { ...changes, keys, above: closed?.lastNumber });
  await source.settleChanges(CLAIM, entries);
  await target.open(CLAIM);
  await source.leave(CLAIM);
  for (const end of [source, target]) await end.end(CLAIM);
  expect(await source.fenceKeys?.(1)).toEqual({ lastEndsAt: undefined });
  await source.readmit?.();
  expect(await source.fenceKeys?.(2)).toEqual({ lastEndsAt: undefined });
  const request = { groups: [{ key: 'k', items: [item('e')] }], window: HOUR };
  await expect(partition.produceKeyed?.([request], STORE)).rejects.toMatchObject({ closed: true });
  for (const newKeys of ['store', 'find'] as const) {
    const outcomes = await partition.produceKeyed?.([request], { ...STORE, newKeys, keySpread: 2 });
    expect(outcomes).toMatchObject([{ ok: true }]);
  }
  expect(await source.beginLeaving?.(CLAIM)).toBe(true);
  await source.end(CLAIM);
  expect(await backend.partitionStore(to).stats()).toMatchObject({ waiting: 3 });
  for (const key of [from, to]) await backend.partitionStore(key).drop();
}

/** Changes the placement of the first partition, and back. */
export async function useAllOfPlacements(store: QueueStore, queue: string): Promise<void> {
  const { createdAt, partitions } = (await store.get(queue)) ?? { createdAt: 0n as never, partitions: [] };
  const moving = { to: 'x', task: 't', generation: 1, attempt: 1 };
  const event = () => auditEvent('place');
  await store.place?.(queue, createdAt, 0, (placement) => ({ ...placement, moving }), event);
  const back = await store.place?.(queue, createdAt, 0, ({ moving: _, ...placement }) => placement, event);
  expect(back?.partitions).toEqual(partitions);
  const resizes = { last: 'task', spread: [partitions.length] };
  const resized = await store.resize?.(queue, createdAt, () => ({ partitions, resizes }), event);
  expect(resized).toMatchObject({ partitions, resizes });
}

function storeOf(backend: StorageBackend, key: PartitionKey): MoveStore {
  const store = backend.moveStore?.(key);
  if (store === undefined) throw new Error('the driver has moves');
  return store;
}
