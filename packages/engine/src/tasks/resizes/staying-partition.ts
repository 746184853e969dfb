import { invariant, type PartitionPlacement } from '@querator/core';

/**
 * The partition that takes the items of one that leaves: on the same storage if there is one, so that they go in one
 * transaction. It depends on the placements only, which do not change during a resize. So the items of a partition
 * stay in order, whichever process moves them.
 *
 * @param stays how many of the partitions stay, the first ones.
 */
export function stayingPartition(
  partitions: readonly PartitionPlacement[],
  leaving: number,
  stays: number,
): PartitionPlacement {
  const staying = partitions.slice(0, stays);
  const near = staying.filter(({ storageName }) => storageName === partitions[leaving]?.storageName);
  const preferred = staying[leaving % stays];
  if (preferred !== undefined && (near.length === 0 || near.includes(preferred))) return preferred;
  const other = near[leaving % near.length];
  invariant(other !== undefined, 'a queue keeps at least one partition');
  return other;
}
