import { errorText, invalid, type PartitionPlacement } from '@querator/core';

/**
 * Checks the placement of the partitions of a new queue.
 *
 * @throws QueueError `invalid` when there are no partitions, their numbers are not
 *   0 … n−1 in order, or a storage is not configured.
 */
export function checkPlacement(
  partitions: readonly PartitionPlacement[],
  isConfigured: (storageName: string) => boolean,
): void {
  if (partitions.length === 0) throw invalid('partitions is invalid; cannot be less than 1');
  partitions.forEach(({ partition, storageName }, expected) => {
    if (partition !== expected) {
      throw invalid(
        errorText`partitions is invalid; found number ${partition} where ${expected} was expected, they go from 0 without holes`,
      );
    }
    if (!isConfigured(storageName)) {
      throw invalid(errorText`partitions is invalid; there is no storage named '${storageName}'`);
    }
  });
}
