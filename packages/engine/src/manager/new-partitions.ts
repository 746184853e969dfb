import type { PartitionPlacement, QueueStore } from '@querator/core';
import { hasTie, placePartitions, type WeightedStorage } from '@querator/router';

/**
 * Where so many new partitions go. Storages are asked how many they hold only
 * where that decides. Two creates at once may both take a storage for the
 * emptier one: that is no harm.
 *
 * @throws StorageError where the counts cannot be read.
 */
export async function placeNewPartitions(
  requested: number,
  storages: readonly WeightedStorage[],
  store: Pick<QueueStore, 'partitionCounts'>,
): Promise<readonly PartitionPlacement[]> {
  if (!hasTie(requested, storages)) return placePartitions(requested, storages);
  const counts = await store.partitionCounts();
  return placePartitions(
    requested,
    storages.map((storage) => ({ ...storage, partitions: counts.get(storage.name) ?? 0 })),
  );
}
