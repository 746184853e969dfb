import {
  type Clock,
  millisecondsBetween,
  PAUSABLE,
  type Pauses,
  type Queue,
  toMilliseconds,
} from '@querator/core';
import type { QueueManager } from '../manager/queue-manager.ts';
import { leavesFrom } from '../partition/queue-spread.ts';
import type { HandlingSummary } from '../queue/handling-times.ts';
import type { SampledPartition } from '../queue/queue-counts.ts';

/** A partition of a described queue. */
export interface DescribedPartition
  extends Pick<SampledPartition, 'partition' | 'storageName' | 'inService' | 'failures'> {
  /** The storage that it moves to. Undefined: it does not move. */
  readonly movingTo: string | undefined;
  /** Whether the queue is to lose it. It takes no more items. */
  readonly leaves: boolean;
  /** Undefined: it was not counted yet. */
  readonly items:
    | {
        readonly waiting: number;
        readonly leased: number;
        readonly scheduled: number;
        /** The age of the oldest waiting item when it was counted, in milliseconds. */
        readonly headAgeMs: number;
        /** The age of the count, in milliseconds. */
        readonly countAgeMs: number;
      }
    | undefined;
  /** Undefined: they were not counted yet, or the storage keeps no dedup keys. */
  readonly keys: { readonly keys: number; readonly countAgeMs: number } | undefined;
}

/** A queue as its operators see it. */
export interface QueueDescription {
  readonly queue: Queue;
  /** Those in force. */
  readonly pauses: Pauses;
  readonly partitions: readonly DescribedPartition[];
  /** How long consumers of this process take for items. Undefined: nobody has looked for a while. */
  readonly handling: HandlingSummary | undefined;
}

/**
 * Describes queues from what this process knows. Counts are sampled in the background,
 * so that a dashboard may call it every second.
 *
 * Throws QueueError: `invalid` for an unknown queue, `failed` during shutdown. Throws
 * StorageError when a queue has to be activated and its storage fails.
 */
export class DescriptionsService {
  readonly #manager: QueueManager;
  readonly #clock: Clock;

  constructor(manager: QueueManager, clock: Clock) {
    this.#manager = manager;
    this.#clock = clock;
  }

  async describe(queueName: string): Promise<QueueDescription> {
    const queue = await this.#manager.get(queueName);
    queue.checkRunning();
    const handling = queue.handling.look();
    const partitions = await queue.counts.sampled();
    const pauses: Pauses = Object.fromEntries(
      PAUSABLE.filter((work) => queue.pauses.isPaused(work)).map((work) => [
        work,
        queue.queue.pauses?.[work],
      ]),
    );
    const movingTo = ({ partition }: SampledPartition) => queue.queue.partitions[partition]?.moving?.to;
    const from = leavesFrom(queue.queue);
    return {
      ...{ queue: queue.queue, pauses, handling },
      partitions: partitions.map((each) => ({
        ...this.#described(each),
        ...{ movingTo: movingTo(each), leaves: each.partition >= from },
      })),
    };
  }

  #described({
    count,
    keys,
    ...partition
  }: SampledPartition): Omit<DescribedPartition, 'movingTo' | 'leaves'> {
    const now = this.#clock.now();
    return {
      ...partition,
      items: count && {
        waiting: count.waiting,
        leased: count.leased,
        scheduled: count.scheduled,
        headAgeMs: toMilliseconds(count.headAge),
        countAgeMs: millisecondsBetween(count.countedAt, now),
      },
      keys: keys && { keys: keys.keys, countAgeMs: millisecondsBetween(keys.countedAt, now) },
    };
  }
}
