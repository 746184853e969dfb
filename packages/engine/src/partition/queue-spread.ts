import type { Queue } from '@querator/core';

/**
 * How many partitions of a queue take what has to be found again where it was put: dedup keys, dead letters and
 * items of tasks. See `partitionInSpread`.
 */
export function spreadOf({ partitions, resizes }: Pick<Queue, 'partitions' | 'resizes'>): readonly number[] {
  return resizes?.spread ?? [partitions.length];
}

/** The number of those partitions: the first ones of the queue. */
export function spreadSize(queue: Pick<Queue, 'partitions' | 'resizes'>): number {
  return spreadOf(queue).at(-1) ?? queue.partitions.length;
}

/** The first partition that the queue is to lose. Infinity: none. */
export function leavesFrom({ partitions, resizes }: Pick<Queue, 'partitions' | 'resizes'>): number {
  const remaining = resizes?.current?.partitions ?? Number.POSITIVE_INFINITY;
  return remaining < partitions.length ? remaining : Number.POSITIVE_INFINITY;
}
