import {
  addDuration,
  type Instant,
  microseconds,
  type Queue,
  queueShutdown,
  type StorageBackend,
  unavailable,
} from '@querator/core';
import type { PartitionStorage } from '../manager/placements.ts';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { LogicalQueue } from '../queue/logical-queue.ts';

/** The longest time between two reads of a clock that are compared with another one: 1 s. */
const CLOCK_READS = 1_000_000n;

/** The queues as tasks see them. */
export class TaskQueues {
  readonly #manager: QueueManager;
  readonly #storages: ReadonlyMap<string, StorageBackend>;

  constructor(manager: QueueManager, storages: readonly PartitionStorage[]) {
    this.#manager = manager;
    this.#storages = new Map(storages.map(({ backend }) => [backend.name, backend]));
  }

  /** The clock of a storage. Undefined: it cannot tell. @throws StorageError if it does not answer. */
  async now(storageName: string): Promise<Instant | undefined> {
    return this.#storages.get(storageName)?.now?.();
  }

  /**
   * What the clock of one storage is ahead of that of another, in microseconds. 0 if they agree as
   * far as two reads of the one around a read of the other can tell, or if one tells no time.
   *
   * @throws QueueError `retry` if the reads took too long; StorageError if a storage does not answer.
   */
  async clockShift(from: string, to: string): Promise<bigint> {
    const before = await this.now(from);
    const target = await this.now(to);
    const after = await this.now(from);
    if (before === undefined || target === undefined || after === undefined) return 0n;
    if (target >= before && target <= after) return 0n;
    if (after - before > CLOCK_READS) {
      throw unavailable('retry', 'the clocks of the storages could not be compared in time');
    }
    return target - (before + after) / 2n;
  }

  /** The queue as it is stored now. Undefined: there is none. */
  find(name: string): Promise<Queue | undefined> {
    return this.#manager.find(name);
  }

  /**
   * The active queue of that name.
   *
   * @param createdAt when the queue of the task was created, in microseconds.
   * @throws QueueError `failed` with the reason `unavailable`, also for a queue that stops.
   * @returns undefined if it was deleted, be there a new one of its name or not.
   */
  async active(name: string, createdAt: string): Promise<LogicalQueue | undefined> {
    const stored = await this.#manager.find(name);
    if (stored === undefined || String(stored.createdAt) !== createdAt) return undefined;
    const queue = await this.#manager.get(name);
    // This process does not know yet that an earlier queue of that name is gone.
    if (String(queue.queue.createdAt) !== createdAt) throw queueShutdown();
    return queue;
  }

  /**
   * The end of the present, by the clock of each storage of a queue, in microseconds:
   * an item that was created before is there now.
   *
   * @throws StorageError if a storage does not answer.
   */
  async ends(queue: Queue): Promise<Readonly<Record<string, string>>> {
    const names = [...new Set(queue.partitions.map(({ storageName }) => storageName))];
    const ends = names.map(async (name) => {
      const now = await this.now(name);
      return now === undefined ? [] : [[name, String(addDuration(now, microseconds(1n)))] as const];
    });
    return Object.fromEntries((await Promise.all(ends)).flat());
  }
}
