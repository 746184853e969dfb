import { LIMITS } from '@querator/core';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import type { QueueManager } from './queue-manager.ts';

/** A queue with the number of a partition that a request names, and whether this process knows that partition. */
function isKnown(queue: LogicalQueue, partition: number): boolean {
  return queue.hasPartition(partition) || !(partition > 0 && partition < LIMITS.partitions);
}

/** The queue if it is ready and its partition known; see `QueueManager.ready`. */
export function readyPartition(
  manager: QueueManager,
  name: string,
  partition: number,
): LogicalQueue | undefined {
  const queue = manager.ready(name);
  return queue !== undefined && isKnown(queue, partition) ? queue : undefined;
}

/**
 * Reads the record of a queue first if this process does not know the partition that a request names:
 * another process may have added it. The check of the request then finds it, or refuses it.
 */
export async function withPartition(
  manager: QueueManager,
  found: LogicalQueue | Promise<LogicalQueue>,
  partition: number,
): Promise<LogicalQueue> {
  const queue = await found;
  if (!isKnown(queue, partition)) await manager.refresh(queue.queue.name);
  return queue;
}
