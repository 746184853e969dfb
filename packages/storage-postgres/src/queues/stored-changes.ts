import type { Instant, PartitionPlacement, Pausable, PauseChange, Queue, QueueSize } from '@querator/core';
import type { Statement } from '../database/database.ts';
import { changedEnds } from './pauses.ts';
import { pauseIn, placeIn, resizeIn } from './queue-statements.ts';
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

/** Changes how many partitions the queue that was created then has; see core's `QueueStore`. */
export function resizing(createdAt: Instant, change: (stored: Queue) => QueueSize): StoredChange {
  return (stored, queues, now) => {
    const queue = rowToQueue(stored);
    if (queue.createdAt !== createdAt) return undefined;
    const { partitions, resizes } = change(queue);
    const requested =
      partitions.length === queue.partitions.length ? stored.requested_partitions : partitions.length;
    // What else the first placement has stays.
    const placed = partitions.map((each, n) => ({
      ...(stored.partitions[n] ?? each),
      ...(n === 0 && { resizes }),
    }));
    return { text: resizeIn(queues), values: [stored.name, JSON.stringify(placed), requested, now] };
  };
}
