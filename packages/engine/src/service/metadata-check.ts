import {
  type Clock,
  MESSAGES,
  millisecondsBetween,
  type NewItem,
  type RetriedItem,
  unavailable,
  within,
} from '@querator/core';
import type { LogicalQueue } from '../queue/logical-queue.ts';
import type { RequireCapability } from './pauses-service.ts';

/** The word by which processes tell each other that they keep metadata. */
const CAPABILITY = 'metadata';

/** Whether items can be stored only where metadata is kept. */
export function bringMetadata(items: readonly NewItem[]): boolean {
  return items.some(({ metadata }) => metadata !== undefined);
}

/** Whether items can be given back only where metadata is kept. */
export function bringErrors(items: readonly RetriedItem[]): boolean {
  return items.some(({ error }) => error !== undefined);
}

/**
 * Refuses what would be lost: metadata for a partition that keeps none, or while a
 * process of an earlier version runs, which drops it from dead letters.
 */
export class MetadataCheck {
  readonly #clock: Clock;
  readonly #require: RequireCapability;

  constructor(clock: Clock, require: RequireCapability) {
    this.#clock = clock;
    this.#require = require;
  }

  /**
   * @returns undefined if metadata may be stored; a promise if that has to be found out.
   * @throws QueueError `retry`, also as the promise's rejection.
   */
  forWrite(queue: LogicalQueue): Promise<void> | undefined {
    const known = this.#require(CAPABILITY);
    return known === undefined ? queue.metadata.require() : known.then(() => queue.metadata.require());
  }

  /**
   * The time that a produce has left once it is known that its metadata may be stored.
   *
   * @param timeoutMs how long the produce waits, in milliseconds.
   * @returns `timeoutMs` if nothing has to be found out.
   * @throws QueueError `retry`, also as the promise's rejection.
   */
  leftToProduce(items: readonly NewItem[], queue: LogicalQueue, timeoutMs: number): number | Promise<number> {
    const check = bringMetadata(items) ? this.forWrite(queue) : undefined;
    return check === undefined ? timeoutMs : this.#inTime(check, timeoutMs, MESSAGES.produceTimedOut);
  }

  /** The same for a lease of items with their details. */
  leftToLease(queue: LogicalQueue, timeoutMs: number): number | Promise<number> {
    const check = this.forRead(queue);
    return check === undefined ? timeoutMs : this.#inTime(check, timeoutMs, MESSAGES.leaseTimedOut);
  }

  async #inTime(check: Promise<void>, timeoutMs: number, timedOut: string): Promise<number> {
    const start = this.#clock.now();
    const known = await within(
      this.#clock,
      timeoutMs,
      check.then(() => true),
    );
    if (known === undefined) throw unavailable('retry', timedOut);
    return Math.max(timeoutMs - millisecondsBetween(start, this.#clock.now()), 0);
  }

  /** The same as `forWrite` for a call that reads what is kept. */
  forRead(queue: LogicalQueue): Promise<void> | undefined {
    return queue.metadata.require();
  }
}
