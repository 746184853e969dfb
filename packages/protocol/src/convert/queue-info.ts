import { formatDuration, type Queue } from '@querator/core';
import type { QueueInfo } from '../gen/querator/queue.ts';
import type { QueuesInfo } from '../gen/querator/v2/queues.ts';
import { toTimestamp } from '../time/wire-time.ts';

/**
 * The wire form of a queue: durations in canonical form, always both times, never
 * `partitions`.
 *
 * There is no reverse function: create and update interpret empty fields
 * differently, so the service reads `QueueInfo` itself.
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

/** The same under `/v2/`. */
export function fromQueueSettings(queue: Queue): QueuesInfo {
  const { partitions: _, ...info } = fromQueue(queue);
  return info;
}
