import type { FoundItem, LetterSource, Queue, TakenTarget } from '@querator/core';
import { partitionInSpread } from '@querator/router';
import { spreadOf } from '../../partition/queue-spread.ts';
import type { LogicalQueue } from '../../queue/logical-queue.ts';
import type { TaskQueues } from '../task-queues.ts';

/** A partition that takes items of another queue. */
export interface Destination {
  readonly queue: LogicalQueue;
  readonly partition: number;
  /** Whether it is on the storage of the partition that the items leave. */
  readonly isOnSameStorage: boolean;
}

/** Where the items of a partition go. */
export interface Destinations {
  /**
   * Undefined: the item has nowhere to go, and stays.
   *
   * @throws QueueError if that cannot be said at the moment; StorageError.
   */
  of(item: Pick<FoundItem, 'details'>): Promise<Destination | undefined>;
}

/** The partition that items leave. */
export interface Origin {
  readonly queue: Queue;
  readonly partition: number;
}

/** All items go to one queue: to the partition with the number of theirs, if it is on the same storage. */
export function toQueue(target: LogicalQueue, origin: Origin): Destinations {
  const destination = destinationIn(target, origin, origin.partition);
  return { of: async () => destination };
}

/**
 * Each dead letter goes to the queue that it came from. It stays if its source is not
 * recorded, or if that queue is gone, was created anew, or belongs to another namespace than
 * the dead-letter queue: nobody has judged the permission for that one.
 */
export function toSources(queues: TaskQueues, origin: Origin): Destinations {
  const sources = new Map<string, Promise<LogicalQueue | undefined>>();
  const find = (name: string) => {
    const known = sources.get(name) ?? sourceQueue(queues, name, origin.queue);
    sources.set(name, known);
    return known;
  };
  return {
    of: async ({ details: { source } }) => {
      if (source === undefined || source.queue === origin.queue.name) return undefined;
      const queue = await find(source.queue);
      if (queue === undefined || !isSameQueue(queue.queue, source)) return undefined;
      return destinationIn(queue, origin, source.partition);
    },
  };
}

/** Where items that a task has taken go. Undefined: the queue is gone. */
export async function takenDestination(
  queues: TaskQueues,
  { queue: name, partition }: TakenTarget,
): Promise<Omit<Destination, 'isOnSameStorage'> | undefined> {
  const stored = await queues.find(name);
  if (stored?.partitions[partition] === undefined) return undefined;
  const queue = await queues.active(name, String(stored.createdAt));
  return queue && { queue, partition };
}

function destinationIn(target: LogicalQueue, { queue, partition }: Origin, wanted: number): Destination {
  const preferred = partitionInSpread(wanted, spreadOf(target.queue));
  const storageName = queue.partitions[partition]?.storageName ?? '';
  const near = target.transfers.partitionOn(storageName, preferred);
  return { queue: target, partition: near ?? preferred, isOnSameStorage: near !== undefined };
}

/** Undefined: there is none that may take the letters. */
async function sourceQueue(
  queues: TaskQueues,
  name: string,
  { namespace }: Queue,
): Promise<LogicalQueue | undefined> {
  const stored = await queues.find(name);
  if (stored === undefined || stored.namespace !== namespace) return undefined;
  return queues.active(name, String(stored.createdAt));
}

/**
 * Whether the letter came from exactly this queue. A letter that an earlier version of the
 * server has stored says only when the item entered its queue, by the clock of its storage.
 */
function isSameQueue({ createdAt }: Queue, { queueCreatedAt, producedAt }: LetterSource): boolean {
  return queueCreatedAt === undefined ? producedAt >= createdAt : queueCreatedAt === createdAt;
}
