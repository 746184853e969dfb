import { type Clock, millisecondsBetween, StorageError } from '@querator/core';
import type { TakeUpLine, TakeUpWait } from '../manager/activation-queue.ts';
import type { QueueManager } from '../manager/queue-manager.ts';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import type { Patience } from '../waiting/pending-request.ts';

/** A queue that a request waited for. */
export interface Arrival {
  readonly queue: LogicalQueue;
  /** What is left of the request's time. */
  readonly leftMs: number;
}

/** How a request waits for its queue. */
export interface ArrivalOptions extends Omit<TakeUpWait, 'patience'> {
  /**
   * Checks what can be checked without the queue.
   *
   * @returns the request's time, in milliseconds.
   * @throws QueueError for the first thing that is wrong with the request.
   */
  readonly check: () => number;
}

/** What arrivals work with. */
export interface QueueArrivalsDeps {
  readonly clock: Clock;
  readonly manager: QueueManager;
  readonly line: TakeUpLine;
  /** Whether requests that persist really do. If not, the first failure of storage ends their wait. */
  readonly waitForStorage: boolean;
}

/** Finds the queues of requests that cannot go on at once, within the requests' own time. */
export class QueueArrivals {
  readonly #deps: QueueArrivalsDeps;

  constructor(deps: QueueArrivalsDeps) {
    this.#deps = deps;
  }

  /**
   * The queue of that name, once it is at work.
   *
   * @throws what `TakeUpLine.wait` throws. Where storage fails and the request
   *   is wrong, what is wrong with it.
   */
  async of(
    name: string,
    { check, ...wait }: ArrivalOptions,
    patienceOf: (timeoutMs: number) => Patience,
  ): Promise<Arrival> {
    const { clock, line, waitForStorage } = this.#deps;
    const start = clock.now();
    let timeoutMs: number;
    try {
      timeoutMs = check();
    } catch (fault) {
      return { queue: await this.#unless(name, fault), leftMs: 0 };
    }
    const queue = await line.wait(name, {
      ...wait,
      persists: wait.persists && waitForStorage,
      patience: patienceOf(timeoutMs),
    });
    return { queue, leftMs: Math.max(timeoutMs - millisecondsBetween(start, clock.now()), 0) };
  }

  /** A wrong request has no time to wait. What its queue says goes before what is wrong with it. */
  async #unless(name: string, fault: unknown): Promise<LogicalQueue> {
    try {
      return await this.#deps.manager.get(name);
    } catch (error) {
      throw error instanceof StorageError ? fault : error;
    }
  }
}
