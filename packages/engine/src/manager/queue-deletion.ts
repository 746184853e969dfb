import { invalid, type Logger, MESSAGES, type Queue, QueueError, type QueueStore } from '@querator/core';
import type { LogicalQueue } from '../logical/logical-queue.ts';

/** What a deletion works with. */
export interface QueueDeletionDeps {
  readonly store: QueueStore;
  readonly logger: Logger;
  /** The queue of that name, at work. @throws QueueError `invalid` when there is no such queue. */
  readonly take: (name: string) => Promise<LogicalQueue>;
  /** Whether a storage of that name is configured. */
  readonly isConfigured: (storageName: string) => boolean;
  /** Told at the end, whether the deletion succeeded or not. */
  readonly deleted: (queue: LogicalQueue) => void;
}

/** Removes queues with all their items. */
export class QueueDeletion {
  readonly #deps: QueueDeletionDeps;

  constructor(deps: QueueDeletionDeps) {
    this.#deps = deps;
  }

  /**
   * Removes a queue; see `QueueManager.delete`. Call it in `changing`.
   *
   * @throws QueueError `invalid` for a queue that is not there, is in use or
   *   cannot be reached; `retry` when storage fails.
   */
  async run(name: string, force: boolean): Promise<void> {
    const { store, logger, take, isConfigured, deleted } = this.#deps;
    const queue = await take(name);
    const user = force ? undefined : await store.findByDeadQueue(name);
    if (user !== undefined) {
      throw invalid(
        `queue is in use; '${name}' is the dead_queue of '${user}', update that queue first or use force`,
      );
    }
    this.#checkReachable(queue.queue, force);
    await queue.stop();
    const drop = () => queue.drop(isConfigured);
    try {
      await drop();
      // Another process may have been quicker, and the name have been given to a new queue since.
      await store.delete(name, queue.queue.createdAt);
      // Another process may have made a partition anew before it could know.
      await drop().catch((error: unknown) => {
        logger.warn('what another process may have stored for a deleted queue was not removed', {
          queue: name,
          err: error,
        });
      });
    } catch (error) {
      throw new QueueError('retry', MESSAGES.storageFailed, { cause: error });
    } finally {
      deleted(queue);
    }
  }

  /**
   * There is nothing to delete items from on a storage that is not configured.
   *
   * @throws QueueError `invalid` unless the caller insists; then the log tells what stays.
   */
  #checkReachable({ name, partitions }: Queue, force: boolean): void {
    for (const { partition, storageName } of partitions) {
      if (this.#deps.isConfigured(storageName)) continue;
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
