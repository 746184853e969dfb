import type { DeathReason, ItemId, LeasedItem, LetterSource } from '@querator/core';
import { type DateValue, toDate } from '../values/point-in-time.ts';

/** Where a dead letter came from, and why it died. */
export interface WorkSource {
  /** The queue in which the item died. */
  readonly queue: string;
  readonly partition: number;
  /** The id under which it died. */
  readonly id: ItemId;
  /** How often it was leased in all. */
  readonly attempts: number;
  /** When it entered that queue. */
  readonly producedAt: DateValue;
  /** Undefined: not known. */
  readonly diedAt: DateValue | undefined;
  readonly reason: DeathReason | undefined;
  /** The last error of a handler. */
  readonly error: string | undefined;
}

/** A leased item as a handler gets it. */
export interface WorkItem<Payload> {
  /** Names this stay of the item in the queue. An item gets a new id each time it returns to the queue. */
  readonly id: ItemId;
  /**
   * The id that the item got when it was produced. It stays, also in the dead-letter
   * queue. Undefined: the server does not tell.
   */
  readonly firstId: ItemId | undefined;
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
  /** The producer's pairs. Empty: none, or the server does not keep them. */
  readonly metadata: Readonly<Record<string, string>>;
  /** How often the item has been leased, this lease included: 1 at first. */
  readonly attempts: number;
  /** When the item entered this queue. Undefined: the server does not tell. */
  readonly createdAt: DateValue | undefined;
  /** Of dead letters only, where the server tells. */
  readonly source: WorkSource | undefined;
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

/** An item for a handler. */
export function toWorkItem<Payload>(item: LeasedItem, payload: Payload): WorkItem<Payload> {
  const { id, attempts, encoding, kind, reference, createdAt, details } = item;
  return {
    ...{ id, payload, bytes: item.payload, encoding, kind, reference, attempts },
    firstId: details?.firstId,
    metadata: details === undefined ? {} : Object.fromEntries(details.metadata),
    createdAt: createdAt && toDate(createdAt),
    source: details?.source && toWorkSource(details.source),
  };
}

function toWorkSource({
  queue,
  partition,
  id,
  attempts,
  producedAt,
  death,
  error,
}: LetterSource): WorkSource {
  return {
    ...{ queue, partition, id, attempts, error },
    producedAt: toDate(producedAt),
    diedAt: death && toDate(death.at),
    reason: death?.reason,
  };
}
