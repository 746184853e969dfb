import { type Instant, QueueError, StorageError, type StorageOutcome } from '@querator/core';

/** The error of a call as data, since an error that crosses a thread loses its class and its properties. */
export type FailedCall =
  | {
      readonly kind: 'queue';
      readonly code: QueueError['code'];
      readonly message: string;
      readonly reason: string | undefined;
      readonly retryAfterMs: number | undefined;
      readonly missing: string | undefined;
    }
  | {
      readonly kind: 'storage';
      readonly message: string;
      readonly outcome: StorageOutcome;
      readonly closed?: boolean;
      readonly stale?: boolean;
    }
  /** The partition has items of an earlier queue of its name. */
  | { readonly kind: 'other-owner'; readonly createdAt: Instant }
  /** The partition has to be made; see {@link UnmadePartitionError}. */
  | { readonly kind: 'unmade'; readonly state: bigint };

/** The partition has items of a queue of the same name that was created at another time. */
export class OtherOwnerError extends Error {
  override readonly name = 'OtherOwnerError';
  /** When the queue of the items was created. */
  readonly createdAt: Instant;

  constructor(createdAt: Instant) {
    super('the partition has items of an earlier queue of its name');
    this.createdAt = createdAt;
  }
}

/**
 * The partition does not exist, or was removed because it was empty. The owner has to say
 * whether it may be made; the call is repeated with this state.
 */
export class UnmadePartitionError extends Error {
  override readonly name = 'UnmadePartitionError';
  /** Another one after each removal. */
  readonly state: bigint;

  constructor(state: bigint) {
    super('the partition has to be made');
    this.state = state;
  }
}

/** The data of an error of the ports. Undefined: it is another error. */
export function failureOf(error: unknown): FailedCall | undefined {
  if (error instanceof OtherOwnerError) return { kind: 'other-owner', createdAt: error.createdAt };
  if (error instanceof UnmadePartitionError) return { kind: 'unmade', state: error.state };
  if (error instanceof StorageError) {
    const { message, outcome, closed, stale } = error;
    return { kind: 'storage', message, outcome, ...(closed && { closed }), ...(stale && { stale }) };
  }
  if (!(error instanceof QueueError)) return undefined;
  const { code, message, reason, retryAfterMs, missing } = error;
  return { kind: 'queue', code, message, reason, retryAfterMs, missing };
}

/** The error again. @param storage the name of the storage, which a `StorageError` begins with. */
export function errorOf(failure: FailedCall, storage: string): Error {
  switch (failure.kind) {
    case 'queue': {
      const { code, message, reason, retryAfterMs, missing } = failure;
      return new QueueError(code, message, { reason, retryAfterMs, missing });
    }
    case 'storage': {
      const { message, outcome, closed = false, stale = false } = failure;
      return new StorageError(`storage '${storage}': ${message}`, { outcome, closed, stale });
    }
    case 'other-owner':
      return new OtherOwnerError(failure.createdAt);
    case 'unmade':
      return new UnmadePartitionError(failure.state);
  }
}
