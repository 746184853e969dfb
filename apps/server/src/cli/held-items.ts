import type { CallOptions, Client } from '@querator/client';

/** What a queue holds, in items. */
export interface HeldItems {
  readonly waiting: number;
  readonly leased: number;
  readonly scheduled: number;
}

/** Counts the items of a queue. @throws what the call throws. */
export async function itemsOf(client: Client, queueName: string, options: CallOptions): Promise<HeldItems> {
  const { logicalQueues } = await client.queue.stats({ queueName }, options);
  const partitions = logicalQueues.flatMap((each) => each.partitions);
  const sum = (field: 'total' | 'totalLeased' | 'scheduled') =>
    partitions.reduce((all, each) => all + each[field], 0);
  const leased = sum('totalLeased');
  return { waiting: sum('total') - leased, leased, scheduled: sum('scheduled') };
}
