import type { StorageBackend } from '@querator/core';
import type { PartitionStorage } from '../../manager/placements.ts';

/** Whether partitions of one storage may move to another, by what both can do. */
export function canMove(source: StorageBackend, target: StorageBackend, force: boolean): boolean {
  if (source === target || source.capabilities.moves !== true || target.capabilities.moves !== true)
    return false;
  return force || target.capabilities.durable || !source.capabilities.durable;
}

/** Which of its storages new partitions go to. */
export function takers(
  storages: readonly PartitionStorage[],
  draining: ReadonlySet<string>,
): readonly PartitionStorage[] {
  return storages.filter(({ backend, affinity }) => affinity > 0 && !draining.has(backend.name));
}

/**
 * The storage that has the fewest partitions for its affinity once it gets another one. In a tie, the
 * one with fewer partitions of the queue, and then the earlier one.
 *
 * @param counts partitions by storage.
 * @param ofQueue partitions of the queue by storage.
 * @returns undefined if there is none.
 */
export function leastLoaded(
  storages: readonly PartitionStorage[],
  counts: ReadonlyMap<string, number>,
  ofQueue: ReadonlyMap<string, number>,
): string | undefined {
  const shares = storages.map(({ backend: { name }, affinity }) => ({
    name,
    load: ((counts.get(name) ?? 0) + 1) / affinity,
    own: ofQueue.get(name) ?? 0,
  }));
  return shares.sort((a, b) => a.load - b.load || a.own - b.own)[0]?.name;
}

/** Counts placements by storage. */
export function countByStorage(partitions: Iterable<{ readonly storageName: string }>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { storageName } of partitions) counts.set(storageName, (counts.get(storageName) ?? 0) + 1);
  return counts;
}
