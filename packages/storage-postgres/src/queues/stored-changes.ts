import type { Instant, PartitionPlacement, Pausable, PauseChange } from '@querator/core';
import type { Statement } from '../database/database.ts';
import { changedEnds } from './pauses.ts';
import { pauseIn, placeIn } from './queue-statements.ts';
import { type QueueRow, rowToQueue } from './row-to-queue.ts';

/** Makes the statement that changes a stored queue. Undefined: nothing is to be changed. */
export type StoredChange = (stored: QueueRow, queues: string, now: string | null) => Statement | undefined;

/** Starts or ends pauses; see core's `QueueStore`. */
export function pausing(changes: Readonly<Partial<Record<Pausable, PauseChange>>>): StoredChange {
  return (stored, queues, now) => {
    const ends = changedEnds(stored.partitions[0]?.pauses, changes, stored.read_at);
    return { text: pauseIn(queues), values: [stored.name, JSON.stringify(ends), now] };
  };
}

/** Changes where a partition of the queue that was created then is; see core's `QueueStore`. */
export function placing(
  createdAt: Instant,
  partition: number,
  change: (placement: PartitionPlacement) => PartitionPlacement,
): StoredChange {
  return (stored, queues, now) => {
    const queue = rowToQueue(stored);
    const placement = queue.partitions[partition];
    if (queue.createdAt !== createdAt || placement === undefined) return undefined;
    const { storageName, moving } = change(placement);
    const values = [stored.name, partition, JSON.stringify({ storageName, moving }), now];
    return { text: placeIn(queues), values };
  };
}
