import type { Logger } from '@querator/core';

/** What became of items, as it is counted. */
export type ItemEvent =
  /** Stored by a producer, available or for later. */
  | 'produced'
  /** Leased to a consumer. */
  | 'leased'
  /** Leased for consumers who had left, and put back. */
  | 'released'
  | 'completed'
  /** Given back by a consumer, to wait again or for later. */
  | 'retried'
  /** Put back because their lease ran out. */
  | 'expired'
  /** Came due, and are available. */
  | 'enqueued'
  /** Stored in the dead-letter queue. */
  | 'dead_lettered'
  /** Died where there is no dead-letter queue. */
  | 'deleted';

/** An operation of which many requests go to storage together. */
export type BatchOperation = 'produce' | 'lease' | 'complete' | 'retry';

/**
 * Receives what the engine does, for metrics. Its methods are called on the
 * way of every request, after what they report is durable: they must be quick.
 * What they throw is caught; the first time it is logged.
 */
export interface EngineObserver {
  items(queue: string, event: ItemEvent, count: number): void;
  /** So many requests went to storage in one call, with so many items. */
  batch(operation: BatchOperation, size: { readonly requests: number; readonly items: number }): void;
}

/** Does nothing. */
export const NO_OBSERVER: EngineObserver = { items: () => {}, batch: () => {} };

/** The same observer, safe to call between a statement and its answers. */
export function guardedObserver(observer: EngineObserver, logger: Logger): EngineObserver {
  let isLogged = false;
  const guarded = (call: () => void): void => {
    try {
      call();
    } catch (error) {
      if (isLogged) return;
      isLogged = true;
      logger.error('the observer threw; its figures are wrong from now on', { err: error });
    }
  };
  return {
    items: (queue, event, count) => guarded(() => observer.items(queue, event, count)),
    batch: (operation, size) => guarded(() => observer.batch(operation, size)),
  };
}
