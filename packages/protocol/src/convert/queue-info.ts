import { formatDuration, type Queue } from '@querator/core';
import type { QueueInfo } from '../gen/querator/queue.ts';
import { toTimestamp } from '../wire-time.ts';

/**
 * A queue as it is shown: durations in canonical form, both times always
 * there, `partitions` never.
 *
 * There is no function for the way back: what an empty field means differs
 * between create and update, so the service reads `QueueInfo` itself.
 */
export function fromQueue(queue: Queue): QueueInfo {
  return {
    queueName: queue.name,
    createdAt: toTimestamp(queue.createdAt),
    updatedAt: toTimestamp(queue.updatedAt),
    deadQueue: queue.deadQueue,
    reference: queue.reference,
    leaseTimeout: formatDuration(queue.leaseTimeout),
    expireTimeout: formatDuration(queue.expireTimeout),
    maxAttempts: queue.maxAttempts,
    requestedPartitions: queue.requestedPartitions,
    partitions: [],
    namespace: queue.namespace,
  };
}
