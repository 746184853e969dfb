import type { ItemId } from '@querator/core';

/** Pairs of texts that go with an item, such as `traceparent`. */
export type TracePairs = Readonly<Record<string, string>>;

/** An item that is being sent. */
export interface SentWork {
  readonly queue: string;
  /** Of the payload, in bytes. */
  readonly bytes: number;
}

/** An item that is being handled. */
export interface HandledWork {
  readonly queue: string;
  readonly partition: number;
  readonly id: ItemId;
  /** The id of the item when it was produced. Undefined: the server does not tell. */
  readonly firstId: ItemId | undefined;
  /** How often it was leased, this time included. */
  readonly attempts: number;
  /** Whether it died in another queue before. */
  readonly isDeadLetter?: boolean | undefined;
  readonly bytes: number;
  /** The pairs with which the item was sent. Empty: none, or the server does not keep them. */
  readonly pairs: TracePairs;
}

/**
 * Follows items from their producers to their handlers. `openTelemetry()` of
 * `@querator/client/opentelemetry` makes one. Its own failures become process
 * warnings, at most one a minute, and harm neither sends nor handlers. It calls `run`
 * once, or fails.
 */
export interface Telemetry {
  /**
   * Runs a send, and returns what it returns. The pairs go with the item, where the
   * server keeps metadata.
   *
   * @throws what `run` throws.
   */
  send<T extends { readonly id: ItemId | undefined }>(
    work: SentWork,
    run: (pairs: TracePairs) => Promise<T>,
  ): Promise<T>;

  /** Runs a handler. @throws what `run` throws. */
  handle(work: HandledWork, run: () => Promise<void>): Promise<void>;
}
