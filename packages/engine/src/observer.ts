import type { Logger, TaskState } from '@querator/core';

/** What happened to items, as metrics count it. */
export type ItemEvent =
  /** Stored by a producer, available or scheduled. */
  | 'produced'
  /** Leased to a consumer. */
  | 'leased'
  /** Leased for consumers that had left, and released. */
  | 'released'
  | 'completed'
  /** Given back by a consumer, available or scheduled. */
  | 'retried'
  /** Leased for longer, or shorter, than before. */
  | 'extended'
  /** Available again after the end of a lease. */
  | 'expired'
  /** Scheduled items that became available. */
  | 'enqueued'
  /** Stored in the dead-letter queue. */
  | 'dead_lettered'
  /** Moved to another queue by a task. Counted for the queue that they left. */
  | 'transferred'
  /** Died in a queue without a dead-letter queue. */
  | 'deleted';

/** An operation that sends many requests to storage together. */
export type BatchOperation = 'produce' | 'lease' | 'complete' | 'retry' | 'extend';

/** What became of times of schedules: their items were stored, an attempt failed, or they passed and were not fired. */
export type ScheduleEvent = 'fired' | 'failed' | 'missed';

/**
 * Receives what the engine does, for metrics. The engine calls it for every
 * request, once the reported change is durable. So its methods must be fast.
 * The engine catches what they throw, and logs the first error.
 */
export interface EngineObserver {
  items(queue: string, event: ItemEvent, count: number): void;
  /** A storage call was made. Reports how many requests and items it carried. */
  batch(operation: BatchOperation, size: { readonly requests: number; readonly items: number }): void;
  /** Times of schedules passed. Undefined: not counted. */
  schedules?(event: ScheduleEvent, count: number): void;
  /** A step of a task handled items. A step that is repeated after a failure may be reported again. */
  taskItems?(kind: string, items: { readonly done: number; readonly failed: number }): void;
  /** A task has ended in this process. */
  taskEnded?(kind: string, state: TaskState): void;
}

/** An observer that does nothing. */
export const NO_OBSERVER: EngineObserver = { items: () => {}, batch: () => {} };

/** The observer with its errors caught, so that they cannot replace an answer. */
export function guardedObserver(observer: EngineObserver, logger: Logger): EngineObserver {
  let isLogged = false;
  const guarded = (call: () => void): void => {
    try {
      call();
    } catch (error) {
      if (isLogged) return;
      isLogged = true;
      logger.error('the observer threw an error; its counts are incomplete from now on', { err: error });
    }
  };
  return {
    items: (queue, event, count) => guarded(() => observer.items(queue, event, count)),
    batch: (operation, size) => guarded(() => observer.batch(operation, size)),
    schedules: (event, count) => guarded(() => observer.schedules?.(event, count)),
    taskItems: (kind, items) => guarded(() => observer.taskItems?.(kind, items)),
    taskEnded: (kind, state) => guarded(() => observer.taskEnded?.(kind, state)),
  };
}
