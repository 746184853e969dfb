/** What is known of a storage call that failed. */
export type StorageOutcome =
  /** Nothing was stored or changed: the call may be repeated, also elsewhere. */
  | 'not-applied'
  /** It may or may not have taken effect, as when a connection dies before the answer. */
  | 'unknown';

/**
 * A storage backend could not do what it was asked. Thrown by drivers for
 * every failure that is not the caller's fault; the engine never answers such
 * a call with success.
 *
 * `message` is for operators: it names the backend and what went wrong, and
 * holds no connection string, no password and no item's content.
 */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly outcome: StorageOutcome;
  /** Nothing is wrong with the storage: the call was ended because its caller had set a limit, or left. */
  readonly gaveUp: boolean;
  /** Nothing is wrong with the storage: somebody else holds what the call needs for itself. */
  readonly locked: boolean;

  constructor(
    message: string,
    options: {
      readonly outcome: StorageOutcome;
      readonly gaveUp?: boolean;
      readonly locked?: boolean;
      readonly cause?: unknown;
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.outcome = options.outcome;
    this.gaveUp = options.gaveUp === true;
    this.locked = options.locked === true;
  }
}
