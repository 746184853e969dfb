import type { NewItem, RetriedItem } from '@querator/core';
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
  readonly #require: RequireCapability;

  constructor(require: RequireCapability) {
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

  /** The same for a call that reads what is kept. */
  forRead(queue: LogicalQueue): Promise<void> | undefined {
    return queue.metadata.require();
  }
}
