import { formatDuration, type PartitionStats } from '@querator/core';
import type { QueuePartitionStats } from '../gen/querator/queue.ts';

/** Values that the engine adds to the storage's counts. */
export interface PartitionHealth {
  readonly partition: number;
  /** Consecutive storage failures; 0 means healthy. */
  readonly failures: number;
}

/**
 * The wire form of a partition's counts. Despite its name, `average_leased_age`
 * is the mean time left of the leases, as in the reference server.
 */
export function fromPartitionStats(stats: PartitionStats, health: PartitionHealth): QueuePartitionStats {
  return {
    partition: health.partition,
    total: stats.waiting + stats.leased,
    totalLeased: stats.leased,
    failures: health.failures,
    averageAge: formatDuration(stats.averageAge),
    averageLeasedAge: formatDuration(stats.averageLeaseLeft),
    scheduled: stats.scheduled,
  };
}
