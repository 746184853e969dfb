import { formatDuration, type PartitionStats } from '@querator/core';
import type { QueuePartitionStats } from '../gen/querator/queue.ts';

/** What the engine adds to the storage's own counts. */
export interface PartitionHealth {
  readonly partition: number;
  /** Storage failures in a row; 0 when all is well. */
  readonly failures: number;
}

/**
 * A partition's counts as they are sent. `average_leased_age` is the mean time
 * left of the leases, whatever its name says (semantics.md, section 11).
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
