import {
  byteLength,
  type Clock,
  LIMITS,
  MESSAGES,
  type Metadata,
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

/** The key of a trace context, as W3C names its header. */
const TRACEPARENT = 'traceparent';

/** A produce whose items may get the pairs of a trace. */
interface TracedProduce {
  readonly items: readonly NewItem[];
  readonly tracePairs?: Metadata | undefined;
}

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

  /**
   * The items of a produce with the pairs of its trace. They are a help and no condition, so
   * items go without them where it is not known at once that they can be kept.
   */
  withTrace({ items, tracePairs }: TracedProduce, queue: LogicalQueue): readonly NewItem[] {
    if (tracePairs === undefined || !this.#isKept(queue)) return items;
    return items.map((item) => {
      if (item.metadata?.has(TRACEPARENT) === true) return item;
      const metadata = new Map([...(item.metadata ?? []), ...tracePairs]);
      return metadataBytes(metadata) > LIMITS.metadata ? item : { ...item, metadata };
    });
  }

  #isKept(queue: LogicalQueue): boolean {
    try {
      const check = this.forWrite(queue);
      // What is found out now is known for the next produce.
      check?.catch(() => {});
      return check === undefined;
    } catch {
      return false;
    }
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

function metadataBytes(metadata: Metadata): number {
  let bytes = 0;
  for (const [key, value] of metadata) bytes += byteLength(key) + byteLength(value);
  return bytes;
}
