import { type Clock, millisecondsBetween, StorageError } from '@querator/core';
import type { ActivationQueue, ActivationWait } from '../manager/activation-queue.ts';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import type { WaitOptions } from '../waiting/pending-request.ts';

export interface FoundQueue {
  readonly queue: LogicalQueue;
  /** The rest of the request's time. */
  readonly leftMs: number;
}

export interface LookupOptions extends Omit<ActivationWait, 'options'> {
  /**
   * Checks the request as far as it can be checked without its queue.
   *
   * @returns the request's time, in milliseconds.
   * @throws QueueError for the first error of the request.
   */
  readonly check: () => number;
}

export interface QueueLookupDeps {
  readonly clock: Clock;
  readonly manager: QueueManager;
  readonly activations: ActivationQueue;
  /** Whether requests that persist do so. If not, the first storage failure ends their wait. */
  readonly waitForStorage: boolean;
}

/** Finds the queues of requests that have to wait for an activation or a refresh, within their own time. */
export class QueueLookup {
  readonly #deps: QueueLookupDeps;

  constructor(deps: QueueLookupDeps) {
    this.#deps = deps;
  }

  /**
   * The queue of that name, once it is active.
   *
   * @throws see `ActivationQueue.wait`. If storage fails and the request is
   *   invalid, the error of the request.
   */
  async find(
    name: string,
    { check, ...wait }: LookupOptions,
    waitOptions: (timeoutMs: number) => WaitOptions,
  ): Promise<FoundQueue> {
    const { clock, activations, waitForStorage } = this.#deps;
    const start = clock.now();
    let timeoutMs: number;
    try {
      timeoutMs = check();
    } catch (fault) {
      return { queue: await this.#findOr(name, fault), leftMs: 0 };
    }
    const queue = await activations.wait(name, {
      ...wait,
      persists: wait.persists && waitForStorage,
      options: waitOptions(timeoutMs),
    });
    return { queue, leftMs: Math.max(timeoutMs - millisecondsBetween(start, clock.now()), 0) };
  }

  /** An invalid request does not wait. Errors of the queue take precedence over those of the request. */
  async #findOr(name: string, fault: unknown): Promise<LogicalQueue> {
    try {
      return await this.#deps.manager.get(name);
    } catch (error) {
      throw error instanceof StorageError ? fault : error;
    }
  }
}
