import type { PartitionPlacement } from '@querator/core';
import { distribute, type WeightedStorage } from './affinity.ts';

/**
 * Places the partitions of a new queue on storages, in proportion to their
 * affinities. Partition numbers run from 0 in the order of the storages.
 *
 * @throws RangeError as {@link distribute}.
 */
export function placePartitions(
  requested: number,
  storages: readonly WeightedStorage[],
): readonly PartitionPlacement[] {
  const counts = distribute(requested, storages);
  return storages.flatMap(({ name }, index) => {
    const first = counts.slice(0, index).reduce((sum, count) => sum + count, 0);
    return Array.from({ length: counts[index] ?? 0 }, (_, nth) => ({
      partition: first + nth,
      storageName: name,
    }));
  });
}
