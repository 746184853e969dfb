import {
  invalid,
  type Logger,
  MESSAGES,
  milliseconds,
  type Queue,
  QueueError,
  type QueueStore,
} from '@querator/core';
import type { LogicalQueue } from '../logical/logical-queue.ts';
import { checkUnused } from './dead-queue-rules.ts';

/**
 * How long a queue may take to lose its items, in which no other may begin to
 * use it for its dead letters. One that takes longer, or whose deletion failed,
 * is checked once more when its settings go.
 */
const DELETION_TIMEOUT = milliseconds(60_000);

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
    const { createdAt } = queue.queue;
    const check = force ? undefined : (usedBy: string | undefined) => checkUnused(name, usedBy);
    // Items go only once no other queue uses this one, nor can begin to while they go.
    if (check !== undefined) await store.beginDelete(name, createdAt, { timeout: DELETION_TIMEOUT, check });
    this.#checkReachable(queue.queue, force);
    await queue.stop();
    const drop = () => queue.drop(isConfigured);
    try {
      await drop();
      // Another process may have been quicker, and the name have been given to a new queue since.
      await store.delete(name, createdAt, check);
      // Another process may have made a partition anew before it could know.
      await drop().catch((error: unknown) => {
        logger.warn('what another process may have stored for a deleted queue was not removed', {
          queue: name,
          err: error,
        });
      });
    } catch (error) {
      if (error instanceof QueueError) throw error;
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
