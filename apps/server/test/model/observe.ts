import type { StoredItem } from '@querator/core';
import type { LogicalQueueStats, Service } from '@querator/engine';
import type { QueueRules } from './rules/queue-rules.ts';

/** Everything that a queue shows to its clients. */
export interface Seen {
  /** The waiting and leased items of each partition. */
  readonly queued: readonly (readonly StoredItem[])[];
  /** Per partition. */
  readonly scheduled: readonly (readonly StoredItem[])[];
  readonly stats: LogicalQueueStats;
}

/** Reads everything at once. */
export async function observe(service: Service, { name, partitions }: QueueRules): Promise<Seen> {
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  const page = (partition: number) => ({ queueName: name, partition, pivot: '', limit: 0 });
  const [queued, scheduled, stats] = await Promise.all([
    Promise.all(numbers.map((partition) => service.storage.listItems(page(partition)))),
    Promise.all(numbers.map((partition) => service.storage.listScheduled(page(partition)))),
    service.queue.stats(name),
  ]);
  return { queued, scheduled, stats };
}
