import { markKind } from './error-kind.ts';

/** The properties of a failed storage call. */
export type StorageOutcome =
  /** Nothing was stored or changed: the caller may repeat the call, also on another partition. */
  | 'not-applied'
  /** The call may have taken effect, for example if the connection broke before the answer. */
  | 'unknown';

/**
 * A storage call failed. Drivers throw it for every failure that the caller did
 * not cause; the engine never reports success for such a call.
 *
 * `message` is for operators: it names the backend and the failure. It contains
 * no connection string, no password and no item content.
 */
export class StorageError extends Error {
  static {
    markKind(StorageError, 'StorageError');
  }

  override readonly name = 'StorageError';
  readonly outcome: StorageOutcome;
  /** The storage is fine: the call ended because its caller set a limit or disconnected. */
  readonly gaveUp: boolean;
  /** The storage is fine: another session holds a lock that the call needs. */
  readonly locked: boolean;
  /**
   * The storage is fine: the partition is closed, because it moves to another storage or has moved. The caller
   * repeats the call where the queue's record says that the partition is.
   */
  readonly closed: boolean;
  /** Another process has taken over the move that the call was part of. */
  readonly stale: boolean;

  constructor(
    message: string,
    options: {
      readonly outcome: StorageOutcome;
      readonly gaveUp?: boolean;
      readonly locked?: boolean;
      readonly closed?: boolean;
      readonly stale?: boolean;
      readonly cause?: unknown;
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.outcome = options.outcome;
    this.gaveUp = options.gaveUp === true;
    this.locked = options.locked === true;
    this.closed = options.closed === true;
    this.stale = options.stale === true;
  }
}
