import { type Caller, OtherQueueError, type Queue } from '@querator/core';
import { noSuchDeadQueue } from '../rules/dead-queue-rules.ts';

/** Decides what callers learn about queues of other namespaces. */
export class QueueVisibility {
  readonly #find: (name: string) => Promise<Queue | undefined>;

  /** @param find reads a queue from storage. */
  constructor(find: (name: string) => Promise<Queue | undefined>) {
    this.#find = find;
  }

  /**
   * A dead-letter queue in another namespace receives items, so the caller needs
   * the permission to produce there. Without it the queue does not exist.
   *
   * @param deadQueue empty: there is none.
   * @throws QueueError `invalid`.
   */
  async checkDeadQueue(deadQueue: string, namespace: string, caller: Caller | undefined): Promise<void> {
    if (caller === undefined || deadQueue === '') return;
    const target = await this.#find(deadQueue);
    if (target === undefined || target.namespace === namespace) return;
    if (!caller.may('queue.produce', target.namespace)) throw noSuchDeadQueue(deadQueue);
  }

  /** Runs `call`. Removes from its error the name of a queue that the caller may not list. */
  async hidingNames<T>(caller: Caller | undefined, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (caller === undefined || !(error instanceof OtherQueueError)) throw error;
      const other = await this.#find(error.otherQueue);
      if (other !== undefined && caller.may('queue.list', other.namespace)) throw error;
      throw error.withoutName();
    }
  }
}
