import { type Clock, MESSAGES, millisecondsBetween, StorageError } from '@querator/core';
import type { ActivationQueue, ActivationWait } from '../manager/activation-queue.ts';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import { type CallOptions, waitOptions } from './call-options.ts';

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

/** What the lookup for a request on leased items needs to know of it. */
export interface BriefLookup extends Pick<LookupOptions, 'check'> {
  readonly ids: readonly string[];
}

/**
 * The shortest wait, in milliseconds, of a complete or retry for the activation
 * of its queue. A complete may have a request timeout of 1 ms, or a negative
 * one, because it does not wait. An activation takes longer.
 */
const SHORTEST_WAIT_MS = 1_000;

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
  async find(name: string, { check, ...wait }: LookupOptions, options: CallOptions): Promise<FoundQueue> {
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
      options: waitOptions(timeoutMs, options),
    });
    return { queue, leftMs: Math.max(timeoutMs - millisecondsBetween(start, clock.now()), 0) };
  }

  /**
   * The queue of a request on leased items. It does not wait for a failing
   * storage, because the leases may end.
   */
  async findBriefly(name: string, options: CallOptions, { ids, check }: BriefLookup): Promise<LogicalQueue> {
    const lookup = {
      check: () => Math.max(check(), SHORTEST_WAIT_MS),
      bytes: ids.reduce((sum, { length }) => sum + length, 0),
      timedOut: MESSAGES.storageFailed,
      persists: false,
    };
    return (await this.find(name, lookup, options)).queue;
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
