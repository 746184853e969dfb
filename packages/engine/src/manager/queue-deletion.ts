import {
  invalid,
  type Logger,
  MESSAGES,
  milliseconds,
  type Queue,
  QueueError,
  type QueueStore,
  StorageError,
} from '@querator/core';
import { checkUnused } from '../rules/dead-queue-rules.ts';
import type { PartitionPlaces } from './placements.ts';

/**
 * How long a queue may take to lose its items, in which no other may begin to
 * use it for its dead letters. One that takes longer, or whose deletion failed,
 * is checked once more when its settings go.
 */
const DELETION_TIMEOUT = milliseconds(60_000);

/** After so many failures the partitions that are left are not tried. */
const MOST_FAILURES = 5;

/** What a deletion works with. */
export interface QueueDeletionDeps {
  readonly store: QueueStore;
  readonly logger: Logger;
  /** Ends the queue's work in this process, where it is at work; nobody takes it up until `ended`. */
  readonly end: (name: string) => Promise<void>;
  /** The deletion has ended, whether it succeeded or not. */
  readonly ended: (name: string) => void;
  readonly places: Pick<PartitionPlaces, 'isConfigured' | 'reachable'>;
}

/** Removes queues with all their items. */
export class QueueDeletion {
  readonly #deps: QueueDeletionDeps;

  constructor(deps: QueueDeletionDeps) {
    this.#deps = deps;
  }

  /**
   * Removes a queue; see `QueueManager.delete`. It is not taken up for that:
   * nothing is probed, counted or swept. Call it in `changing`.
   *
   * @param queue as it is stored.
   * @throws QueueError `invalid` for a queue that is in use or cannot be
   *   reached; `retry` when storage fails.
   */
  async run(queue: Queue, force: boolean): Promise<void> {
    const { store, end, ended } = this.#deps;
    const { name, createdAt } = queue;
    const check = force ? undefined : (usedBy: string | undefined) => checkUnused(name, usedBy);
    const begin = async () => {
      if (check !== undefined) await store.beginDelete(name, createdAt, { timeout: DELETION_TIMEOUT, check });
    };
    await begin();
    this.#checkReachable(queue, force);
    // The queue works on as long as its items cannot go.
    await this.#untilDroppable(queue);
    // Items go only once no other queue uses this one, nor can begin to while they go.
    await begin();
    try {
      await end(name);
      await this.#dropPartitions(queue);
      // Another process may have been quicker, and the name have been given to a new queue since.
      await store.delete(name, createdAt, check);
      await this.#finish(queue);
    } catch (error) {
      if (error instanceof QueueError) throw error;
      throw new QueueError('retry', MESSAGES.storageFailed, { cause: error });
    } finally {
      ended(name);
    }
  }

  /** One after the other: where somebody holds one for long, the others need not be tried. */
  async #untilDroppable(queue: Queue): Promise<void> {
    for (const { store } of this.#deps.places.reachable(queue)) {
      try {
        await store.untilDroppable?.();
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        const message = error.locked ? MESSAGES.queueLocked : MESSAGES.storageFailed;
        throw new QueueError('retry', message, { cause: error });
      }
    }
  }

  /** Drops a few partitions at a time. Where one fails the others are dropped all the same, until many have failed. */
  async #dropPartitions(queue: Queue): Promise<void> {
    const places = this.#deps.places.reachable(queue);
    let failures = 0;
    const dropped = await Promise.allSettled(
      places.map(({ store, turns }) =>
        turns.drop(async () => {
          // Where storage is down each of a thousand would take its time to say so.
          if (failures >= MOST_FAILURES) return;
          await store.drop().catch((error: unknown) => {
            failures++;
            throw error;
          });
        }),
      ),
    );
    for (const each of dropped) if (each.status === 'rejected') throw each.reason;
  }

  /**
   * Another process may have made a partition anew before it could know. Until
   * every partition is certain to be gone the note of the deletion stays: it
   * lets a later queue of the name remove what is left.
   */
  async #finish(queue: Queue): Promise<void> {
    const { store, logger, places } = this.#deps;
    const { name, createdAt, partitions } = queue;
    try {
      await this.#dropPartitions(queue);
    } catch (error) {
      logger.warn('what another process may have stored for a deleted queue was not removed', {
        queue: name,
        err: error,
      });
      return;
    }
    if (!partitions.every(({ storageName }) => places.isConfigured(storageName))) return;
    await store.forgetDeletion(name, createdAt).catch((error: unknown) => {
      logger.debug('the note of a deleted queue stays', { queue: name, err: error });
    });
  }

  /**
   * There is nothing to delete items from on a storage that is not configured.
   *
   * @throws QueueError `invalid` unless the caller insists; then the log tells what stays.
   */
  #checkReachable({ name, partitions }: Queue, force: boolean): void {
    for (const { partition, storageName } of partitions) {
      if (this.#deps.places.isConfigured(storageName)) continue;
      if (!force) {
        throw invalid(
          `queue cannot be deleted; storage '${storageName}' of its partition '${partition}' is not configured, ` +
            'put it back, or use force to leave the items there',
        );
      }
      const where = { queue: name, partition, storage: storageName };
      this.#deps.logger.warn('items of a deleted queue stay on a storage that is not configured', where);
    }
  }
}
