import type { ItemId } from '@querator/core';

/** A leased item as a handler gets it. */
export interface WorkItem<Payload> {
  /** Names this stay of the item in the queue. An item gets a new id each time it returns to the queue. */
  readonly id: ItemId;
  /** The payload, as the codec of the worker reads it. */
  readonly payload: Payload;
  /** The payload as it was sent. */
  readonly bytes: Uint8Array;
  /** The producer's text for the encoding of the payload. */
  readonly encoding: string;
  /** The producer's text for the kind of the payload. */
  readonly kind: string;
  /** The producer's text, such as an account. */
  readonly reference: string;
  /** How often the item has been leased, this lease included: 1 at first. */
  readonly attempts: number;
}

/** Where an item comes from, and what a handler can ask while it works. */
export interface WorkContext {
  readonly queue: string;
  readonly partition: number;
  /**
   * Aborted when the result of the handler no longer counts: the lease of the
   * item was lost, the handler timeout has passed, or the stop timeout of the
   * worker. Its `reason` is a `WorkAborted` that says which.
   */
  readonly signal: AbortSignal;
}

/** What a worker does with each item. If it returns, the item is completed; if it throws, it is retried. */
export type WorkHandler<Payload> = (item: WorkItem<Payload>, context: WorkContext) => unknown;
